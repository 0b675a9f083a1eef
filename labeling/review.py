"""What reviewers do: answers side by side, the decision, how far people agree, test items with known answers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from db import log, queries, queue, statistics
from db.models import GOLD, SHARED
from labeling import agreement, desk
from labeling.fields import check_fields
from labeling.items import View, view
from labeling.workplace import ROLES, Workplace

LEASE = 15 * 60_000  # milliseconds
NEWEST = 2000  # items that agreement over a project is computed from


@dataclass(frozen=True)
class Given:
    """One person's answer."""

    user: str
    state: str  # "refined" | "skipped"
    fields: Mapping[str, Any]
    at: int  # Unix time, milliseconds


@dataclass(frozen=True)
class Compared:
    """How far the answers to one item agree."""

    fields: Mapping[str, float]  # field -> mean agreement of all pairs of answers, 0 to 1
    apart: float | None  # mean distance of the masks' centroids, pixels


@dataclass(frozen=True)
class Review:
    """A part of the studio. Each writing method checks that the person is a reviewer."""

    workplace: Workplace

    def next_item(self, user: str, project: int | None = None, besides: Collection[int] = ()) -> View | None:
        """An item that has all its answers and waits for a decision, held for this reviewer; None if there is none.

        Reviewers get nothing that they have answered themselves; owners do, so that one person can run a project.
        """
        with self.workplace.writes(user, "reviewer") as session:
            rules, at = self.workplace.project(session, project), self.workplace.clock()
            own_too = self.workplace.role(session, user) == "owner"
            item = queue.next_review(session, rules.id, user, at, own_too, besides)
            if item is None:
                return None
            lease = queue.lease(session, item.id, user, at, at + LEASE)
            return view(item, lease_until=lease.until)

    def answers(self, user: str, item_id: int) -> list[Given]:
        """What people said apart about an item, for reviewers."""
        with self.workplace.reads() as session:
            self.workplace.require(session, user, "reviewer")
            item, _ = self.workplace.item(session, item_id)
            return [Given(row.user, row.state, row.fields, row.at) for row in queries.answers_of(session, item.id)]

    def decide(
        self, user: str, item_id: int, base_version: int, fields: Mapping[str, Any], key: str, skip: str | None = None
    ) -> View:
        """Settle what an item holds, whatever the answers say; `skip` gives the reason why it can't be refined.

        Raises Conflict if another reviewer was faster.
        """
        with self.workplace.writes(user, "reviewer", urgent=True) as session:
            item, rules = self.workplace.item(session, item_id)
            own = queries.get_answer(session, item.id, user) is not None
            if own and ROLES.index(self.workplace.role(session, user)) < ROLES.index("owner"):
                raise InputError("you have answered this item yourself: another reviewer has to decide it")
            if not log.events_with_key(session, key):
                changes = check_fields(fields, item.width, item.height, rules.fields)
                answer = {"state": "skipped" if skip else "refined", "reason": skip or None}
                desk.record(
                    self.workplace, session, item, rules, user, base_version, {**changes, **answer}, key, SHARED
                )
            return view(item)

    def set_gold(self, user: str, item_id: int, base_version: int, fields: Mapping[str, Any], key: str) -> View:
        """Make an item a test item with this known answer: every refiner gets it once, without knowing."""
        with self.workplace.writes(user, "owner") as session:
            item, rules = self.workplace.item(session, item_id)
            if not log.events_with_key(session, key):
                changes = {**check_fields(fields, item.width, item.height, rules.fields), "state": "refined"}
                desk.record(self.workplace, session, item, rules, user, base_version, changes, key, GOLD)
            return view(item)

    def compare(self, user: str, item_id: int) -> Compared:
        """How far the answers to an item agree, for reviewers."""
        answers = [given.fields for given in self.answers(user, item_id) if given.state == "refined"]
        return Compared(agreement.between(answers), agreement.apart(answers))

    def heartbeat(self, user: str, item_id: int) -> None:
        """Still deciding about this item: hold it longer, unless another reviewer has it now."""
        with self.workplace.writes(user, "reviewer") as session:
            item, _ = self.workplace.item(session, item_id)
            at = self.workplace.clock()
            if not queue.others_at_work(session, item.id, user, at):
                queue.lease(session, item.id, user, at, at + LEASE)

    def agreement(self, project: int | None = None) -> list[agreement.Agreement]:
        """How far people agree about each field, over the newest items that several people have answered."""
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            answers = statistics.several_answers(session, rules.id, NEWEST)
        return agreement.over(answers)
