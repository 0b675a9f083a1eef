"""What people do in the studio: take the next item, save, skip, give back, undo, look back, find, import, export.

Knows the database and the image store; knows no Gradio and no model. Every method is one short unit of work and safe to
call from many threads. Every method that changes anything takes the `user` first and checks that person's role.
"""

import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError
from db import find, log, queries, queue
from db.find import Filter
from db.models import GOLD, SHARED
from labeling import desk
from labeling.bulk import Bulk
from labeling.database import connect
from labeling.export import export as write_revision
from labeling.fields import check_fields
from labeling.history import edits
from labeling.importing import Importer
from labeling.items import (
    Conflict,
    Edit,
    Found,
    Imported,
    NewItem,
    Progress,
    ProjectView,
    Taken,
    View,
    project_view,
    view,
)
from labeling.review import Review
from labeling.store import ImageStore
from labeling.team import Team
from labeling.workplace import ROLES, SYSTEM, Forbidden, Session, Workplace, now

__all__ = ["SKIP_REASONS", "Conflict", "Filter", "Forbidden", "Studio", "Taken"]

LEASE = 15 * 60_000  # milliseconds that an opened item is held without a sign of life
GOLD_EVERY = 20  # one test item in so many saves, where a project has any
SKIP_REASONS = ("not infrared", "nothing to see", "damaged image", "too hard to judge", "other")


class Studio:
    """The labeling studio over one database and one image store.

    Args:
        url: of the database, `sqlite:///FILE` or a PostgreSQL URL; created or upgraded here.
        store: folder of the original images.
        inspect: (bytes, name) -> (width, height) of a readable infrared image; raises InputError for any other file.
        owners: people who are owners whatever the database says.
        newcomers: the role of people who were given none, one of ROLES.
        clock: Unix time in milliseconds.

    Attributes:
        review: what reviewers do: the next item to decide, answers side by side, the decision, agreement, test items.
        team: projects, roles, progress, throughput, what models get right.
        bulk: one action on many items, with preview and undo; undo of everything that one person did.
    """

    def __init__(
        self,
        url: str,
        store: Path,
        inspect: Callable[[bytes, str], tuple[int, int]],
        owners: Collection[str] = ("local",),
        newcomers: str = "refiner",
        clock: Callable[[], int] = now,
    ):
        if newcomers not in ROLES:
            raise InputError(f"newcomers are one of {', '.join(ROLES)}")
        self.engine = connect(url)
        self.images = ImageStore(store)
        self.workplace = Workplace(self.engine, self.images, clock, frozenset(owners), newcomers)
        self.review = Review(self.workplace)
        self.team = Team(self.workplace)
        self.bulk = Bulk(self.workplace)
        self._importer = Importer(self.workplace, inspect)
        self._exporting = threading.Lock()

    # What a refiner does

    def next_item(
        self, user: str | None = None, project: int | None = None, besides: Collection[int] = ()
    ) -> View | None:
        """The item this person should do next, held for them for LEASE; None if there is none for them now.

        An item they hold already comes first, so that reloading the page opens it again; `besides` leaves items out
        (the open one, when the next is loaded ahead). Without a user: a look at the queue, nothing is held.
        """
        if user is None:
            with self.workplace.reads() as session:
                rules = self.workplace.project(session, project)
                item = queue.next_open(session, rules.id, rules.answers, "", self.workplace.clock(), besides)
                return view(item) if item else None
        with self.workplace.writes(user, "refiner") as session:
            rules, at = self.workplace.project(session, project), self.workplace.clock()
            share = queue.gold_share(session, rules.id, user)
            due = share is not None and share[0] * GOLD_EVERY <= share[1]
            item = queue.next_gold(session, rules.id, user, besides) if due else None
            item = item or queue.next_open(session, rules.id, rules.answers, user, at, besides)
            if item is None:
                return None
            queue.lease(session, item.id, user, at, at + LEASE)
            return desk.see(session, item, rules, user, at)

    def open(self, user: str, item_id: int) -> View:
        """One item as this person may see it, by its link or to return to their own; held if it needs their answer."""
        with self.workplace.writes(user, "viewer") as session:
            item, rules = self.workplace.item(session, item_id)
            at = self.workplace.clock()
            if ROLES.index(self.workplace.role(session, user)) >= ROLES.index("refiner"):
                self._hold(session, item, rules, user, at)
            return desk.see(session, item, rules, user, at)

    def heartbeat(self, user: str, item_id: int) -> int:
        """Still at work on this item: hold it longer. Returns until when, Unix time in milliseconds.

        Raises Taken if the time had run out and somebody else has the place now.
        """
        with self.workplace.writes(user, "refiner") as session:
            item, rules = self.workplace.item(session, item_id)
            at = self.workplace.clock()
            desk.place(session, item, rules, user, at)
            return queue.lease(session, item.id, user, at, at + LEASE).until

    def release(self, user: str, item_id: int) -> None:
        """Give an item back without an answer: it goes to others, and to the end of this person's own queue."""
        with self.workplace.writes(user, "refiner") as session:
            item, _ = self.workplace.item(session, item_id)
            queue.release(session, item.id, user, self.workplace.clock(), passed=True)

    def save(self, user: str, item_id: int, base_version: int, fields: Mapping[str, Any], key: str) -> View:
        """Accept a refinement: on the disk when this returns.

        Where people answer apart it is this person's answer, else at once what the item holds.

        Args:
            base_version: `View.version` that the user saw. Conflict is raised if what they would change has moved on.
            fields: name -> value, see labeling.fields; fields that are not named stay as they are.
            key: made once for each save by the caller; the same key again changes nothing and answers the same.

        Raises Taken where the item has all its answers or somebody else holds the last free place.
        """
        return self._save(user, item_id, base_version, fields, {"state": "refined", "reason": None}, key)

    def skip(self, user: str, item_id: int, base_version: int, reason: str, key: str) -> View:
        """Answer that an item can't be refined, with a reason. Its fields stay as they are."""
        if reason not in SKIP_REASONS:
            raise InputError(f"say why you skip this item: {', '.join(SKIP_REASONS)}")
        return self._save(user, item_id, base_version, {}, {"state": "skipped", "reason": reason}, key)

    def undo(self, user: str, key: str | None = None) -> View:
        """Take back a save, by default this person's last one, if nobody has changed the item since.

        Other people's saves are taken back by reviewers. History stays in the log.
        """
        with self.workplace.writes(user, "refiner") as session:
            if key is None:
                keys = log.standing_keys(session, user=user, limit=2)
                if not keys:
                    raise InputError("there is nothing of yours to undo: save or skip an item first")
                key = keys[0]
            elif any(event.user != user for event in log.events_with_key(session, key)):
                self.workplace.require(session, user, "reviewer")
            item, rules = desk.take_back(self.workplace, session, key, user)
            at = self.workplace.clock()
            self._hold(session, item, rules, user, at)
            return desk.see(session, item, rules, user, at)

    def restore_version(self, user: str, item_id: int, version: int, base_version: int, key: str) -> View:
        """Put the item itself back as it was at an earlier version: a new save with those values."""
        with self.workplace.writes(user, "reviewer") as session:
            item, rules = self.workplace.item(session, item_id)
            if not self._is_repeated(session, key, base_version, item_id, user):
                events = [event for event in log.events_of(session, item_id) if event.version <= version]
                state, fields = log.replay(events)[1].get(SHARED, log.BLANK)
                changes = dict.fromkeys(item.current.fields) | fields | {"state": state}
                desk.record(self.workplace, session, item, rules, user, base_version, changes, key, SHARED)
            return desk.see(session, item, rules, user, self.workplace.clock())

    # What anybody may see

    def item(self, item_id: int) -> View:
        """One item as it stands, answers apart left out. Raises InputError if there is none."""
        with self.workplace.reads() as session:
            return view(self.workplace.item(session, item_id)[0])

    def image(self, view: View) -> bytes:
        """The original file of an item."""
        return self.images.get(view.sha256)

    def mine(self, user: str, project: int | None = None, offset: int = 0, limit: int = 25) -> list[View]:
        """The items this person has saved or skipped, the latest first, as they see them."""
        with self.workplace.reads() as session:
            rules, at = self.workplace.project(session, project), self.workplace.clock()
            items = queries.answered_by(session, user, rules.id, offset, limit)
            return [desk.see(session, item, rules, user, at) for item in items]

    def last_of(self, user: str) -> View | None:
        """The item this person saved or skipped last and did not take back, None if there is none."""
        with self.workplace.reads() as session:
            keys = log.standing_keys(session, user=user, limit=2)
            if not keys:
                return None
            item, rules = self.workplace.item(session, log.events_with_key(session, keys[0])[0].item_id)
            return desk.see(session, item, rules, user, self.workplace.clock())

    def history(self, user: str, item_id: int) -> list[Edit]:
        """Every save of an item that this person may see, oldest first. `Edit.changes` is its diff.

        Other people's answers apart are for reviewers; the known answer of a test item is for owners.
        """
        with self.workplace.reads() as session:
            item, rules = self.workplace.item(session, item_id)
            role = ROLES.index(self.workplace.role(session, user))
            every = edits(log.events_of(session, item_id))
            if role < ROLES.index("owner"):
                if item.current.gold:
                    return [edit for edit in every if edit.answer_of == user]
                every = [edit for edit in every if edit.answer_of != GOLD]
            if role < ROLES.index("reviewer") and project_view(rules).apart:
                every = [edit for edit in every if edit.answer_of in (SHARED, user)]
            return every

    def find(self, wanted: Filter, project: int | None = None, offset: int = 0, limit: int = 25) -> Found:
        """Items that a filter lets through, the latest change first."""
        with self.workplace.reads() as session:
            rules = self.workplace.project(session, project)
            items = tuple(view(item) for item in find.page(session, rules.id, wanted, offset, limit))
            return Found(find.count(session, rules.id, wanted), items)

    def progress(self, project: int | None = None) -> Progress:
        """Counts over all items of a project."""
        return self.team.progress(project)

    def projects(self) -> list[ProjectView]:
        """All projects, oldest first."""
        with self.workplace.reads() as session:
            return [project_view(project) for project in queries.projects(session)]

    # In and out

    def import_items(
        self,
        items: Iterable[NewItem],
        user: str = SYSTEM,
        project: int | None = None,
        tell: Callable[[int], None] | None = None,
    ) -> Imported:
        """Add images to a project's queue. A bad file is refused with its reason and the rest goes on.

        Written in small units of work, so that nobody waits; `tell` is called with the number of images seen so far.
        """
        return self._importer.run(items, user, project, tell)

    def suggest(
        self, item_id: int, values: Mapping[str, Any], model: str, version: str, score: float | None = None
    ) -> None:
        """Keep a model's proposals for fields of an item, shown to people as drafts."""
        self._importer.suggest(item_id, values, model, version, score)

    def unsuggested(self, count: int, project: int | None = None) -> list[int]:
        """The first open items of the queue without proposals, as many as asked for."""
        with self.workplace.reads() as session:
            return queue.unsuggested(session, self.workplace.project(session, project).id, count)

    def export(self, out: Path, tag: str, user: str = SYSTEM, project: int | None = None) -> dict[str, Any]:
        """Write a pinned revision to a new folder, for reviewers: see labeling.export.export."""
        self.team.require(user, "reviewer")
        with self._exporting:
            return write_revision(self.engine, self.images, out, tag, project)

    def _save(
        self, user: str, item_id: int, base_version: int, fields: Mapping[str, Any], answer: dict[str, Any], key: str
    ) -> View:
        with self.workplace.writes(user, "refiner", urgent=True) as session:
            item, rules = self.workplace.item(session, item_id)
            if not self._is_repeated(session, key, base_version, item_id, user):
                changes = {**check_fields(fields, item.width, item.height, rules.fields), **answer}
                desk.record(self.workplace, session, item, rules, user, base_version, changes, key)
            return desk.see(session, item, rules, user, self.workplace.clock())

    def _is_repeated(self, session: Session, key: str, base_version: int, item_id: int, user: str) -> bool:
        """Whether this very save is in the log already. Raises InputError for a save without key or version."""
        if type(base_version) is not int or not isinstance(key, str) or not 8 <= len(key) <= 64:
            raise InputError("this save is incomplete: reload the item and save again")
        before = log.events_with_key(session, key)
        if before and (before[0].item_id != item_id or before[0].user != user):
            raise InputError("this save's key was used for another one: reload the item")
        return bool(before)

    def _hold(self, session: Session, item: Any, rules: Any, user: str, at: int) -> None:
        """Hold an item for this person, if it needs their answer and has room."""
        if item.current.state != "draft" and not item.current.gold:
            return
        try:
            desk.place(session, item, rules, user, at)
        except Taken:
            return
        queue.lease(session, item.id, user, at, at + LEASE)
