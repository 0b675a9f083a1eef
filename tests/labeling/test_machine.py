"""Any order of taking, saving, skipping, giving back, undoing and deciding, by several people, as time passes."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from core.errors import InputError
from db import log, queries
from db.engine import session_scope
from db.models import SHARED, Answer
from labeling.items import Conflict, Taken
from labeling.studio import Studio
from tests.labeling.conftest import Clock, keys, new, open_studio

PEOPLE = st.sampled_from(["ann", "bob", "cid"])
PROJECTS = st.sampled_from([1, 2])
ITEMS = st.integers(1, 4)
TEXTS = st.sampled_from(["", "a", "b"])


class Refining(RuleBasedStateMachine):
    """Items 1 and 2 are decided by one save, items 3 and 4 by two answers and a reviewer."""

    new_url: Callable[[], str] | None = None  # of another database than SQLite

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.clock, self.key = Clock(), keys()
        url = self.new_url() if self.new_url else None
        self.studio: Studio = open_studio(self.folder, url, clock=self.clock, owners=("owner",))
        self.studio.team.create_project("owner", "apart", answers=2)
        self.studio.import_items([new(1), new(2)])
        self.studio.import_items([new(3), new(4)], project=2)
        self.studio.team.set_role("owner", "rev", "reviewer")
        self.desks: dict[tuple[str, int], int] = {}  # (person, item) -> the version they opened

    def teardown(self) -> None:
        if hasattr(self, "studio"):
            self.nothing_is_stranded()
            self.studio.engine.dispose()
            shutil.rmtree(self.folder)

    @rule(user=PEOPLE, project=PROJECTS)
    def take(self, user: str, project: int) -> None:
        view = self.studio.next_item(user, project)
        if view is not None:
            assert view.state == "draft" and not view.answered
            others = [name for name in view.at_work if name != user]
            assert view.answers + len(others) < project  # project 1 wants one answer, project 2 two
            self.desks[user, view.id] = view.version

    @rule(user=PEOPLE, item=ITEMS)
    def open_by_link(self, user: str, item: int) -> None:
        self.desks[user, item] = self.studio.open(user, item).version

    @rule(user=PEOPLE, item=ITEMS, text=TEXTS)
    def save(self, user: str, item: int, text: str) -> None:
        """The desk keeps its version: a second save from the same desk is a stale one."""
        before, key = self.studio.item(item), self.key()
        try:
            saved = self.studio.save(user, item, self.desks.get((user, item), 0), {"caption_fine": text}, key)
        except (Conflict, Taken):
            assert self.studio.item(item) == before
        else:
            assert saved.version == before.version + 1 and saved.fields["caption_fine"] == text
            again = self.studio.save(user, item, self.desks.get((user, item), 0), {"caption_fine": text}, key)
            assert again.version == saved.version

    @rule(user=PEOPLE, item=ITEMS)
    def skip(self, user: str, item: int) -> None:
        before = self.studio.item(item)
        try:
            self.studio.skip(user, item, self.desks.get((user, item), 0), "other", self.key())
        except (Conflict, Taken):
            assert self.studio.item(item) == before

    @rule(user=PEOPLE, item=ITEMS)
    def give_back(self, user: str, item: int) -> None:
        self.studio.release(user, item)

    @rule(user=PEOPLE, item=ITEMS)
    def still_at_work(self, user: str, item: int) -> None:
        try:
            assert self.studio.heartbeat(user, item) > self.clock()
        except Taken:
            assert self.studio.item(item).state != "draft" or self.studio.open("rev", item).at_work

    @rule(user=PEOPLE)
    def undo(self, user: str) -> None:
        before = [self.studio.item(item) for item in range(1, 5)]
        try:
            self.studio.undo(user)
        except InputError:
            assert [self.studio.item(item) for item in range(1, 5)] == before

    @rule(user=PEOPLE)
    def undo_everything_of(self, user: str) -> None:
        try:
            self.studio.bulk.undo_all_of("rev", user)
        except InputError as error:
            assert "no saves" in str(error)

    @rule(item=st.integers(3, 4), text=TEXTS, late=st.booleans())
    def decide(self, item: int, text: str, late: bool) -> None:
        before = self.studio.item(item)
        base = max(0, before.version - late)
        try:
            decided = self.studio.review.decide("rev", item, base, {"caption_fine": text}, self.key())
        except Conflict:
            assert late and self.studio.item(item) == before
        else:
            assert decided.state == "refined" and decided.fields["caption_fine"] == text

    @rule(minutes=st.sampled_from([1, 14, 16]))
    def time_passes(self, minutes: int) -> None:
        self.clock.pass_minutes(minutes)

    @invariant()
    def the_log_leads_to_the_projection_and_no_save_overwrote_what_its_author_had_not_seen(self) -> None:
        if not hasattr(self, "studio"):
            return
        with session_scope(self.studio.engine) as session:
            for project, wanted in ((1, 1), (2, 2)):
                for item in queries.all_items(session, project):
                    events, now = log.events_of(session, item.id), item.current
                    version, documents = log.replay(events)
                    assert (version, log.state_of(documents)) == (now.version, now.state)
                    assert documents.get(SHARED, log.BLANK)[1] == now.fields
                    people = queries.answers_of(session, item.id)
                    assert now.answers == len(people) <= wanted
                    for name in documents.keys() - {SHARED, "(queue)"}:
                        answer = session.get(Answer, (item.id, name))
                        assert answer is not None and documents[name] == (answer.state, answer.fields)
                    last = dict[str, int]()
                    for event in events:
                        if event.answer_of != "(queue)":
                            before = last.get(event.answer_of, 0)
                            assert before <= event.base_version or before == event.version
                            last[event.answer_of] = event.version

    def nothing_is_stranded(self) -> None:
        """When everybody has gone home, newcomers get all that is open, and each item exactly its answers."""
        self.clock.pass_minutes(60)
        for project in (1, 2):
            for user in ("new1", "new2"):
                while (view := self.studio.next_item(user, project)) is not None:
                    self.studio.save(user, view.id, view.version, {}, self.key())
        for item in range(1, 5):
            view = self.studio.item(item)
            assert view.state != "draft"
            assert item < 3 or view.state != "review" or view.answers == 2


def test_refining_on_sqlite() -> None:
    run_state_machine_as_test(Refining, settings=settings(max_examples=12, stateful_step_count=20))


def test_refining_on_postgresql(postgres: Callable[[], str]) -> None:
    machine = type("OnPostgres", (Refining,), {"new_url": staticmethod(postgres)})
    run_state_machine_as_test(machine, settings=settings(max_examples=4, stateful_step_count=20))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_refining_for_long() -> None:
    run_state_machine_as_test(Refining, settings=settings(max_examples=400, stateful_step_count=40))
