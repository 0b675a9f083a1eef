"""The log of refinement events and its projection. Writers need a session that `writes`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db import search
from db.models import GOLD, QUEUE, SHARED, Answer, Current, RefinementEvent

Document = tuple[str, dict[str, Any]]  # (state, fields)
Documents = Mapping[str, Mapping[str, Any]]  # document -> field -> value
BLANK: Document = ("draft", {})
ANSWERED = ("refined", "skipped")

_OF_ITEM = select(RefinementEvent).where(RefinementEvent.item_id == bindparam("item"))
_OF_ITEM = _OF_ITEM.order_by(RefinementEvent.version, RefinementEvent.id)
_WITH_KEY = select(RefinementEvent).where(RefinementEvent.key == bindparam("key")).order_by(RefinementEvent.id)


class Stale(Exception):
    """What the caller would change has changed since they read it; `current` is what the item holds now."""

    def __init__(self, current: Current):
        super().__init__(f"item {current.item_id} is at version {current.version}")
        self.current = current


@dataclass(frozen=True)
class Save:
    """Who saves what, when and why."""

    user: str
    key: str
    at: int  # Unix time, milliseconds
    reverts: str | None = None
    batch: str | None = None
    spent: int | None = None  # milliseconds
    verdicts: Mapping[str, tuple[int, str]] | None = None  # field -> (suggestion, "accepted" | "edited" | "rejected")


def append(
    session: Session, current: Current, base_version: int, documents: Documents, save: Save, needed: int | None = None
) -> Current:
    """Log one event per changed field, and one for every "state", and bring the projection up to date.

    `documents` holds document -> field -> value (None takes the field away). Where people answer apart, `needed` is
    the number of answers after which an item waits for review. Raises Stale if a document has changed after
    `base_version`, or if `base_version` is none of the item's versions.
    """
    contents = {name: document(session, current, name) for name in documents}
    if not 0 <= base_version <= current.version or any(changed > base_version for changed, _ in contents.values()):
        raise Stale(current)
    before = current.state
    for name, changes in documents.items():
        content = contents[name][1]
        changes = {key: value for key, value in changes.items() if key == "state" or content[1].get(key) != value}
        _log(session, current, base_version, name, changes, save)
        _project(session, current, name, apply(content, changes), save)
    if needed is not None and current.state not in ANSWERED:
        wanted = "review" if current.answers >= needed else "draft"
        if wanted != before or SHARED in documents:
            _log(session, current, base_version, QUEUE, {"state": wanted}, save)
            current.state = wanted
    current.version += 1
    session.flush()
    return current


def _log(
    session: Session, current: Current, base_version: int, name: str, changes: Mapping[str, Any], save: Save
) -> None:
    for field, payload in changes.items():
        suggestion, verdict = (save.verdicts or {}).get(field, (None, None))
        session.add(
            RefinementEvent(
                item_id=current.item_id, user=save.user, at=save.at, answer_of=name, field=field,
                base_version=base_version, version=current.version + 1, payload=payload, key=save.key,
                reverts=save.reverts, batch=save.batch, spent=save.spent if field == "state" else None,
                suggestion_id=suggestion, verdict=verdict,
            )
        )  # fmt: skip


def document(session: Session, current: Current, name: str) -> tuple[int, Document]:
    """(version of the last change, content) of one document of an item."""
    if name == SHARED:
        decided = current.state if current.state in ANSWERED else "draft"
        return current.changed, (decided, current.fields)
    answer = session.get(Answer, (current.item_id, name))
    return (answer.version, (answer.state, answer.fields)) if answer else (0, BLANK)


def _project(session: Session, current: Current, name: str, content: Document, save: Save) -> None:
    (state, fields), version = content, current.version + 1
    if name == SHARED:
        current.state, current.fields, current.changed = state, fields, version
        current.user, current.at = save.user, save.at
        search.index(session, current.item_id, search.words_of(current.item.name, current.item.source, fields))
    else:
        answer = session.get(Answer, (current.item_id, name))
        before = answer is not None and answer.state in ANSWERED
        if answer is None:
            answer = Answer(item_id=current.item_id, user=name)
            session.add(answer)
        answer.state, answer.fields, answer.version, answer.at = state, fields, version, save.at
        if name == GOLD:
            current.gold = state in ANSWERED
        else:
            current.answers += (state in ANSWERED) - before


def apply(content: Document, changes: Mapping[str, Any]) -> Document:
    """The one rule by which events become values: a later payload replaces an earlier one, None removes."""
    merged = {**content[1], **changes}
    state = merged.pop("state", content[0])
    return state, {field: value for field, value in merged.items() if value is not None}


def replay(events: Iterable[RefinementEvent]) -> tuple[int, dict[str, Document]]:
    """(version, document -> content) that one item's events, in order, lead to."""
    version, documents = 0, dict[str, Document]()
    for event in events:
        before = documents.get(event.answer_of, BLANK)
        documents[event.answer_of] = apply(before, {event.field: event.payload})
        version = event.version
    return version, documents


def state_of(documents: Mapping[str, Document]) -> str:
    """An item's state: what was decided about it, else whether its answers wait for a reviewer."""
    decided = documents.get(SHARED, BLANK)[0]
    return decided if decided in ANSWERED else documents.get(QUEUE, BLANK)[0]


def standing(events: Iterable[RefinementEvent], name: str) -> list[list[RefinementEvent]]:
    """The saves of one document that were not taken back, oldest first, each as its events."""
    saves: dict[str, list[RefinementEvent]] = {}
    for event in events:
        if event.answer_of != name:
            continue
        if event.reverts is not None:
            saves.pop(event.reverts, None)
        else:
            saves.setdefault(event.key, []).append(event)
    return list(saves.values())


def events_of(session: Session, item_id: int) -> list[RefinementEvent]:
    """An item's log, oldest first."""
    return list(session.scalars(_OF_ITEM, {"item": item_id}))


def events_with_key(session: Session, key: str) -> list[RefinementEvent]:
    """The events of one save."""
    return list(session.scalars(_WITH_KEY, {"key": key}))


def standing_keys(
    session: Session, user: str | None = None, batch: str | None = None, limit: int | None = None
) -> list[str]:
    """Keys of a person's or a bulk action's saves that stand, newest first: neither taken back nor taking back."""
    taken_back = RefinementEvent.__table__.alias("taken_back")
    query = select(RefinementEvent.key).where(
        RefinementEvent.reverts.is_(None),
        RefinementEvent.field == "state",
        RefinementEvent.answer_of != QUEUE,
        ~select(taken_back.c.id).where(taken_back.c.reverts == RefinementEvent.key).exists(),
    )
    if user is not None:
        query = query.where(RefinementEvent.user == user)
    if batch is not None:
        query = query.where(RefinementEvent.batch == batch)
    keys = session.scalars(query.order_by(RefinementEvent.id.desc()).limit(limit))
    return list(dict.fromkeys(keys))
