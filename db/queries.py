"""Every question the studio asks the database, as functions of a session. Writers need a session that `writes`."""

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import Current, Item, RefinementEvent


class Stale(Exception):
    """The item has changed since the caller read it; `current` is what it holds now."""

    def __init__(self, current: Current):
        super().__init__(f"item {current.item_id} is at version {current.version}")
        self.current = current


def now() -> int:
    """Unix time in milliseconds."""
    return time.time_ns() // 1_000_000


def add_item(session: Session, **columns: Any) -> Item | None:
    """A new item at version 0 without values, or None if an image with these bytes is there already."""
    if session.scalar(select(Item.id).where(Item.sha256 == columns["sha256"])) is not None:
        return None
    item = Item(created_at=now(), current=Current(version=0, state="draft", fields={}), **columns)
    session.add(item)
    session.flush()
    return item


def append(
    session: Session,
    item_id: int,
    base_version: int,
    changes: Mapping[str, Any],
    user: str,
    key: str,
    reverts: str | None = None,
) -> Current:
    """Log one event per changed field, and one for "state", and bring the projection up to date.

    `changes` holds field -> value (None takes the field away). Raises LookupError for an unknown item, Stale if
    `base_version` isn't its version.
    """
    current = session.get(Current, item_id, with_for_update=True)
    if current is None:
        raise LookupError(item_id)
    if current.version != base_version:
        raise Stale(current)
    at = now()
    present = current.fields
    changes = {field: value for field, value in changes.items() if field == "state" or present.get(field) != value}
    for field, payload in changes.items():
        session.add(
            RefinementEvent(
                item_id=item_id, user=user, at=at, field=field, base_version=base_version, payload=payload, key=key,
                reverts=reverts,
            )
        )  # fmt: skip
    state, current.fields = apply(current.state, current.fields, changes)
    current.state, current.version, current.user, current.at = state, base_version + 1, user, at
    session.flush()
    return current


def apply(state: str, fields: Mapping[str, Any], changes: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The one rule by which events become values: a later payload replaces an earlier one, None removes."""
    merged = {**fields, **changes}
    state = merged.pop("state", state)
    return state, {field: value for field, value in merged.items() if value is not None}


def replay(events: Iterable[RefinementEvent]) -> tuple[int, str, dict[str, Any]]:
    """(version, state, fields) that one item's events, in order, lead to."""
    version, state, fields = 0, "draft", dict[str, Any]()
    for event in events:
        state, fields = apply(state, fields, {event.field: event.payload})
        version = event.base_version + 1
    return version, state, fields


def events_of(session: Session, item_id: int) -> list[RefinementEvent]:
    """An item's log, oldest first."""
    return list(
        session.scalars(select(RefinementEvent).where(RefinementEvent.item_id == item_id).order_by(RefinementEvent.id))
    )


def events_with_key(session: Session, key: str) -> list[RefinementEvent]:
    """The events of one save."""
    return list(session.scalars(select(RefinementEvent).where(RefinementEvent.key == key).order_by(RefinementEvent.id)))


def last_key_of(session: Session, user: str) -> str | None:
    """The key of a person's newest save or skip that wasn't taken back, itself no taking back."""
    taken_back = select(RefinementEvent.reverts).where(RefinementEvent.reverts.is_not(None))
    return session.scalar(
        select(RefinementEvent.key)
        .where(RefinementEvent.user == user, RefinementEvent.reverts.is_(None), RefinementEvent.key.not_in(taken_back))
        .order_by(RefinementEvent.id.desc())
        .limit(1)
    )


def get_item(session: Session, item_id: int) -> Item | None:
    """The item with its current values."""
    return session.get(Item, item_id)


def next_draft(session: Session) -> Item | None:
    """The item to refine next: highest priority first, then oldest."""
    return session.scalar(
        select(Item).join(Current).where(Current.state == "draft").order_by(Item.priority.desc(), Item.id).limit(1)
    )


def counts(session: Session) -> dict[str, int]:
    """State -> number of items."""
    rows = session.execute(select(Current.state, func.count()).group_by(Current.state))
    return {row[0]: row[1] for row in rows}


def people(session: Session) -> int:
    """How many users have saved or skipped something, importers left out."""
    return session.scalar(select(func.count(func.distinct(Current.user))).where(Current.state != "draft")) or 0


def page(session: Session, states: Iterable[str], offset: int, limit: int) -> list[Item]:
    """Items in these states, the latest change first."""
    query = select(Item).join(Current).where(Current.state.in_(list(states)))
    return list(session.scalars(query.order_by(Current.at.desc().nulls_last(), Item.id).offset(offset).limit(limit)))


def all_items(session: Session) -> Iterator[Item]:
    """Every item with its values, in the order of the image hashes, read in batches."""
    yield from session.scalars(select(Item).order_by(Item.sha256).execution_options(yield_per=200))
