"""Finding items by what is known about them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from db import search
from db.models import Current, Item, RefinementEvent


@dataclass(frozen=True)
class Filter:
    """What items have to have in common; every part that is given must hold."""

    text: str = ""  # words or beginnings of words in names, captions, questions, answers, labels, tags
    states: Collection[str] = ()  # of "draft", "review", "refined", "skipped"; empty: all
    person: str = ""  # somebody who has saved or skipped the item
    since: int | None = None  # last change, Unix time in milliseconds
    until: int | None = None  # last change, Unix time in milliseconds
    source: str = ""
    ids: Collection[int] | None = None  # only these items, for example the hits of a similarity search
    sha256s: Collection[str] | None = None  # only images with these hashes


def ids_of(session: Session, project: int, wanted: Filter) -> Select:
    """The ids of the items that a filter lets through, in no order."""
    query = select(Current.item_id).where(Current.project_id == project)
    if wanted.states:
        query = query.where(Current.state.in_(list(wanted.states)))
    if wanted.since is not None:
        query = query.where(Current.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Current.at < wanted.until)
    if wanted.person:
        touched = select(RefinementEvent.item_id).where(RefinementEvent.user == wanted.person)
        query = query.where(Current.item_id.in_(touched))
    if wanted.ids is not None:
        query = query.where(Current.item_id.in_(list(wanted.ids)))
    if wanted.source or wanted.sha256s is not None:
        query = query.join(Item, Item.id == Current.item_id)
        if wanted.source:
            query = query.where(Item.source == wanted.source)
        if wanted.sha256s is not None:
            query = query.where(Item.sha256.in_(list(wanted.sha256s)))
    matching = search.found(session, wanted.text)
    return query if matching is None else query.where(Current.item_id.in_(matching))


def page(session: Session, project: int, wanted: Filter, offset: int, limit: int) -> list[Item]:
    """One page of the items that a filter lets through, the latest change first."""
    newest = ids_of(session, project, wanted).order_by(Current.at.desc(), Current.item_id.desc())
    ids = list(session.scalars(newest.offset(offset).limit(limit)))
    return items(session, ids)


def items(session: Session, ids: Sequence[int]) -> list[Item]:
    """Items by id, in the order of the ids; unknown ones are left out."""
    found = {item.id: item for item in session.scalars(select(Item).where(Item.id.in_(ids)))}
    return [found[item_id] for item_id in ids if item_id in found]


def count(session: Session, project: int, wanted: Filter) -> int:
    """How many items a filter lets through."""
    return session.scalar(select(func.count()).select_from(ids_of(session, project, wanted).subquery())) or 0
