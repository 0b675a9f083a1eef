"""One action on many items: shown before it is done, done in small units of work, taken back as one."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import InputError
from db import find, log, queries
from db.find import Filter
from db.models import SHARED, Current, Item, Suggestion
from labeling import desk
from labeling.agreement import agree
from labeling.fields import QUALITIES, check_fields
from labeling.items import View, project_view, view
from labeling.workplace import Session, Workplace

CHUNK = 50  # items in one unit of work
SAMPLE = 5  # items of a preview
KINDS = ("tag", "untag", "quality", "skip", "reopen", "priority", "order")
ORDERS = (
    "uncertainty",
    "disagreement",
)  # the models' own doubt; how far they are from the values


@dataclass(frozen=True)
class Action:
    """What to do with each item: add or drop a tag, set the quality, skip with a reason, reopen, set the priority.

    "order" sets priorities from 0 to 100 by what models suggested; items without a suggestion stay as they are.
    """

    kind: str  # one of KINDS
    value: Any = None  # the tag, the quality, the reason, the priority, one of ORDERS; nothing for "reopen"


@dataclass(frozen=True)
class Preview:
    """What an action would do."""

    changed: int  # items
    unchanged: int  # items it leaves as they are
    sample: tuple[View, ...]  # the first few items that it would change


@dataclass(frozen=True)
class Done:
    """What an action did; `batch` takes it back."""

    batch: str
    changed: int  # items
    kept: tuple[tuple[int, str], ...]  # (item, why it was left as it is)


@dataclass(frozen=True)
class Bulk:
    """A part of the studio, for reviewers; priorities for owners."""

    workplace: Workplace

    def preview(self, user: str, wanted: Filter, action: Action, project: int | None = None) -> Preview:
        """What an action would do to the items that a filter lets through. Changes nothing."""
        _check(action)
        with self.workplace.reads() as session:
            self.workplace.require(session, user, _role(action))
            ids = self._ids(session, wanted, project)
            sample: list[View] = []
            changed = 0
            for start in range(0, len(ids), 500):
                part = ids[start : start + 500]
                suggested = _suggested(session, part, action)
                for item in find.items(session, part):
                    if _changes(item, action, suggested):
                        changed += 1
                        sample += [view(item)] if len(sample) < SAMPLE else []
            return Preview(changed, len(ids) - changed, tuple(sample))

    def apply(self, user: str, wanted: Filter, action: Action, expected: int, project: int | None = None) -> Done:
        """Do it. `expected` is `Preview.changed`: raises InputError, nothing done, if the items have changed since."""
        if self.preview(user, wanted, action, project).changed != expected:
            raise InputError("the items have changed since the preview: look at it again")
        batch, changed = uuid.uuid4().hex, 0
        with self.workplace.reads() as session:
            ids = self._ids(session, wanted, project)
        kept: list[tuple[int, str]] = []
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            with self.workplace.writes(user, _role(action)) as session:
                suggested = _suggested(session, part, action)
                for item in find.items(session, part):
                    changes = _changes(item, action, suggested)
                    changed += bool(changes) and self._apply(session, item, user, changes, batch, kept)
        return Done(batch, changed, tuple(kept))

    def undo(self, user: str, batch: str) -> Done:
        """Take a bulk action back; items that somebody has changed since stay as they are."""
        with self.workplace.reads() as session:
            self.workplace.require(session, user, "reviewer")
            keys = log.standing_keys(session, batch=batch)
        if not keys:
            raise InputError("there is nothing of this action left to take back")
        return self._take_back(user, keys)

    def undo_all_of(self, user: str, whose: str) -> Done:
        """Take back every save of one person, newest first; what others have changed or decided since stays."""
        with self.workplace.reads() as session:
            self.workplace.require(session, user, "reviewer")
            keys = log.standing_keys(session, user=whose)
        if not keys:
            raise InputError(f"{whose} has no saves that stand")
        return self._take_back(user, keys)

    def _take_back(self, user: str, keys: Sequence[str]) -> Done:
        batch, changed = uuid.uuid4().hex, 0
        kept: list[tuple[int, str]] = []
        for start in range(0, len(keys), CHUNK):
            with self.workplace.writes(user, "reviewer") as session:
                for key in keys[start : start + CHUNK]:
                    try:
                        desk.take_back(self.workplace, session, key, user, batch)
                        changed += 1
                    except InputError as error:
                        kept.append((log.events_with_key(session, key)[0].item_id, str(error)))
        return Done(batch, changed, tuple(kept))

    def _ids(self, session: Session, wanted: Filter, project: int | None) -> list[int]:
        rules = self.workplace.project(session, project)
        return sorted(session.scalars(find.ids_of(session, rules.id, wanted)))

    def _apply(
        self, session: Session, item: Item, user: str, changes: dict[str, Any], batch: str, kept: list[tuple[int, str]]
    ) -> bool:
        if "priority" in changes:
            item.current.priority = changes["priority"]
            return True
        rules = self.workplace.project(session, item.project_id)
        fields = {name: value for name, value in changes.items() if name not in ("state", "reason")}
        try:
            check_fields(fields, item.width, item.height, rules.fields)
            if project_view(rules).apart and item.current.state not in log.ANSWERED:
                raise InputError("people answer this item apart: a reviewer decides it, not a bulk action")
        except InputError as error:
            kept.append((item.id, str(error)))
            return False
        key = f"{batch}-{item.id}"
        desk.record(self.workplace, session, item, rules, user, item.current.version, changes, key, SHARED, batch=batch)
        return True


def _role(action: Action) -> str:
    return "owner" if action.kind in ("priority", "order") else "reviewer"


def _check(action: Action) -> None:
    kind, value = action.kind, action.value
    if kind not in KINDS:
        raise InputError(f"a bulk action is one of {', '.join(KINDS)}")
    if kind in ("tag", "untag", "skip") and not (isinstance(value, str) and value.strip()):
        raise InputError("give the tag or the reason in words")
    if kind == "quality" and value not in QUALITIES:
        raise InputError(f"the quality of an image is one of {', '.join(QUALITIES)}")
    if kind == "priority" and not (type(value) is int and abs(value) < 2**31):
        raise InputError("a priority is a whole number; higher comes first")
    if kind == "order" and value not in ORDERS:
        raise InputError(f"items are put in order by {' or '.join(ORDERS)}")


def _suggested(session: Session, ids: Sequence[int], action: Action) -> dict[int, list[Suggestion]]:
    return queries.suggestions_of_items(session, ids) if action.kind == "order" else {}


def _rank(item: Item, suggestions: Sequence[Suggestion], by: str) -> int | None:
    """Priority from 0 (the models are sure; or people and models agree) to 100; None without a basis."""
    if by == "uncertainty":
        found = [one.score for one in suggestions]
    else:
        fields = item.current.fields
        found = [agree(one.field, one.payload, fields[one.field]) for one in suggestions if one.field in fields]
    known = [value for value in found if value is not None]
    return round(100 * (1 - min(known))) if known else None


def _changes(item: Item, action: Action, suggested: Mapping[int, Sequence[Suggestion]]) -> dict[str, Any]:
    """field -> value of what an action changes on an item; empty if nothing. The state is always among them."""
    current: Current = item.current
    fields, kind, value = current.fields, action.kind, action.value
    tags, state = fields.get("tags", []), current.state if current.state in log.ANSWERED else "draft"
    if kind == "tag" and value not in tags:
        return {"tags": sorted({*tags, value}), "state": state}
    if kind == "untag" and value in tags:
        return {"tags": [tag for tag in tags if tag != value], "state": state}
    if kind == "quality" and fields.get("quality") != value:
        return {"quality": value, "state": state}
    if kind == "skip" and (state != "skipped" or fields.get("reason") != value):
        return {"reason": value, "state": "skipped"}
    if kind == "reopen" and state != "draft":
        return {"reason": None, "state": "draft"}
    if kind == "order":
        value = _rank(item, suggested.get(item.id, ()), value)
    if kind in ("priority", "order") and value is not None and current.priority != value:
        return {"priority": value}
    return {}
