"""Who works on what: leases with an end, and the next item that has room for one more person.

These questions are asked with every click, so their statements are built once, with parameters.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, SQLColumnExpression, and_, bindparam, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Answer, Current, Item, Lease, RefinementEvent, Suggestion

LEASES_EACH = 3  # items one person can hold: the open one and those loaded ahead

_USER: BindParameter[str] = bindparam("user")
_AT: BindParameter[int] = bindparam("at")
_ITEM: BindParameter[int] = bindparam("item")
_BESIDES: BindParameter[int] = bindparam("besides", expanding=True)
_OTHER, _OWN = aliased(Lease), aliased(Lease)

_ANSWERED: ColumnElement[bool] = (
    select(Answer.item_id)
    .where(and_(Answer.item_id == Current.item_id, Answer.user == _USER, Answer.state != "draft"))
    .exists()
)
_PASSED: ColumnElement[bool] = (
    select(_OWN.item_id).where(_OWN.item_id == Current.item_id, _OWN.user == _USER, _OWN.passed).exists()
)
_OTHERS: ColumnElement[int] = (
    select(func.count())
    .select_from(_OTHER)
    .where(_OTHER.item_id == Current.item_id, _OTHER.user != _USER, _OTHER.until > _AT)
    .correlate(Current)
    .scalar_subquery()
)
_IN_ORDER = Current.priority.desc(), Current.item_id


def _first(*conditions: SQLColumnExpression[bool]) -> Select[Any]:
    query = select(Item).join(Current)
    query = query.where(Current.project_id == bindparam("project"), Current.item_id.not_in(_BESIDES), *conditions)
    return query.order_by(*_IN_ORDER).limit(1)


_ROOM = Current.answers + _OTHERS < bindparam("needed")
_OPEN = Current.state == "draft", ~Current.gold, ~_ANSWERED, _ROOM
_NEXT_OPEN = [_first(*_OPEN, condition) for condition in (~_PASSED, _PASSED)]
_HELD = select(Lease.item_id).where(Lease.user == _USER, Lease.until > _AT, ~Lease.passed)
_HELD_OPEN = select(Item).join(Current).where(Current.project_id == bindparam("project"), *_OPEN)
_HELD_OPEN = _HELD_OPEN.where(Current.item_id.in_(bindparam("held", expanding=True)), Current.item_id.not_in(_BESIDES))
_NEXT_GOLD = _first(Current.gold, ~_ANSWERED)
_NEXT_REVIEW = _first(Current.state == "review", _OTHERS == 0)
_NEXT_REVIEW_OF_OTHERS = _first(Current.state == "review", _OTHERS == 0, ~_ANSWERED)
_ANY_GOLD = select(Current.item_id).where(Current.project_id == bindparam("project"), Current.gold).limit(1)
_OTHERS_AT_WORK = (
    select(Lease).where(Lease.item_id == _ITEM, Lease.user != _USER, Lease.until > _AT).order_by(Lease.until.desc())
)
_MINE = (
    select(Lease)
    .where(Lease.user == _USER, Lease.until > _AT, Lease.item_id != _ITEM, ~Lease.passed)
    .order_by(Lease.taken_at.desc(), Lease.item_id)
)


def next_open(
    session: Session, project: int, needed: int, user: str, at: int, besides: Collection[int] = ()
) -> Item | None:
    """The item this person should do next: one they hold already, else the first with room, passed ones last."""
    values = {"project": project, "needed": needed, "user": user, "at": at, "besides": list(besides)}
    held = list(session.scalars(_HELD, values))  # few: in one query with the rest SQLite would walk the whole queue
    if held:
        mine = session.scalars(_HELD_OPEN, {**values, "held": held}).all()
        if mine:
            return min(mine, key=lambda item: (-item.current.priority, item.id))
    return next((item for query in _NEXT_OPEN if (item := session.scalar(query, values)) is not None), None)


def unsuggested(session: Session, project: int, limit: int) -> list[int]:
    """Open items that no model has looked at, in the order of the queue."""
    query = select(Current.item_id).where(Current.project_id == project, Current.state == "draft", ~Current.gold)
    query = query.where(~select(Suggestion.id).where(Suggestion.item_id == Current.item_id).exists())
    return list(session.scalars(query.order_by(*_IN_ORDER).limit(limit)))


def next_gold(session: Session, project: int, user: str, besides: Collection[int] = ()) -> Item | None:
    """A test item that this person has not answered yet."""
    return session.scalar(_NEXT_GOLD, {"project": project, "user": user, "besides": list(besides)})


def gold_share(session: Session, project: int, user: str) -> tuple[int, int] | None:
    """(test items this person has answered, their newest saves, a thousand at most); None without test items."""
    if session.scalar(_ANY_GOLD, {"project": project}) is None:
        return None
    gold = select(func.count()).select_from(Answer).join(Current, Current.item_id == Answer.item_id)
    gold = gold.where(Answer.user == user, Answer.state != "draft", Current.gold, Current.project_id == project)
    saves = select(RefinementEvent.id).where(RefinementEvent.user == user, RefinementEvent.field == "state").limit(1000)
    return session.scalar(gold) or 0, session.scalar(select(func.count()).select_from(saves.subquery())) or 0


def next_review(
    session: Session, project: int, user: str, at: int, own_too: bool, besides: Collection[int]
) -> Item | None:
    """An item whose answers wait for a decision, held by no other reviewer; not one this person has answered."""
    query = _NEXT_REVIEW if own_too else _NEXT_REVIEW_OF_OTHERS
    return session.scalar(query, {"project": project, "user": user, "at": at, "besides": list(besides)})


def lease_of(session: Session, item_id: int, user: str) -> Lease | None:
    """A person's own lease on an item, over or not."""
    return session.get(Lease, (item_id, user))


def others_at_work(session: Session, item_id: int, user: str, at: int) -> list[Lease]:
    """The live leases of other people on an item, the latest to end first."""
    return list(session.scalars(_OTHERS_AT_WORK, {"item": item_id, "user": user, "at": at}))


def lease(session: Session, item_id: int, user: str, at: int, until: int) -> Lease:
    """Hold an item, or hold it longer. The oldest of a person's other leases ends if they hold too many."""
    held = session.get(Lease, (item_id, user))
    if held is None:
        held = Lease(item_id=item_id, user=user, taken_at=at, until=until, passed=False)
        session.add(held)
    elif held.until <= at:
        held.taken_at = at
    held.until, held.passed = until, False
    session.flush()
    mine = session.scalars(_MINE, {"user": user, "at": at, "item": item_id})
    for surplus in mine.all()[LEASES_EACH - 1 :]:
        session.delete(surplus)
    return held


def release(session: Session, item_id: int, user: str, at: int, passed: bool = False) -> Lease | None:
    """End a lease. `passed` puts the item at the end of this person's queue. Returns what was held."""
    held = session.get(Lease, (item_id, user))
    if passed:
        if held is None:
            session.add(Lease(item_id=item_id, user=user, taken_at=at, until=at, passed=True))
        else:
            held.until, held.passed = min(held.until, at), True
    elif held is not None:
        session.delete(held)
    return held
