"""Who works on what: leases with an end, and the next item that has room for one more person."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, and_, delete, func, select
from sqlalchemy.orm import Session, aliased

from db.models import Answer, Current, Item, Lease, RefinementEvent

LEASES_EACH = 3  # items one person can hold: the open one and those loaded ahead


def next_open(
    session: Session, project: int, needed: int, user: str, at: int, besides: Collection[int] = ()
) -> Item | None:
    """The item this person should do next: one they hold already, else the first with room, passed ones last."""
    held = select(Lease.item_id).where(Lease.user == user, Lease.until > at, ~Lease.passed)
    for condition in (Current.item_id.in_(held), ~_passed(user), _passed(user)):
        query = (
            select(Item)
            .join(Current)
            .where(
                Current.project_id == project, Current.state == "draft", ~Current.gold, ~_answered(user),
                Current.answers + _others(user, at) < needed, Current.item_id.not_in(besides), condition,
            )
        )  # fmt: skip
        item = session.scalar(query.order_by(Current.priority.desc(), Current.item_id).limit(1))
        if item is not None:
            return item
    return None


def next_gold(session: Session, project: int, user: str, besides: Collection[int] = ()) -> Item | None:
    """A test item that this person has not answered yet."""
    query = select(Item).join(Current).where(Current.project_id == project, Current.gold, ~_answered(user))
    return session.scalar(query.where(Current.item_id.not_in(besides)).order_by(Current.item_id).limit(1))


def gold_share(session: Session, project: int, user: str) -> tuple[int, int]:
    """(test items this person has answered, their saves in all), newest thousand saves at most."""
    gold = select(func.count()).select_from(Answer).join(Current, Current.item_id == Answer.item_id)
    gold = gold.where(Answer.user == user, Answer.state != "draft", Current.gold, Current.project_id == project)
    saves = select(RefinementEvent.id).where(RefinementEvent.user == user, RefinementEvent.field == "state").limit(1000)
    return session.scalar(gold) or 0, session.scalar(select(func.count()).select_from(saves.subquery())) or 0


def next_review(
    session: Session, project: int, user: str, at: int, own_too: bool, besides: Collection[int]
) -> Item | None:
    """An item whose answers wait for a decision, held by no other reviewer; not one this person has answered."""
    query = (
        select(Item)
        .join(Current)
        .where(
            Current.project_id == project, Current.state == "review", _others(user, at) == 0,
            Current.item_id.not_in(besides),
        )
    )  # fmt: skip
    if not own_too:
        query = query.where(~_answered(user))
    return session.scalar(query.order_by(Current.priority.desc(), Current.item_id).limit(1))


def lease_of(session: Session, item_id: int, user: str) -> Lease | None:
    """A person's own lease on an item, over or not."""
    return session.get(Lease, (item_id, user))


def others_at_work(session: Session, item_id: int, user: str, at: int) -> list[Lease]:
    """The live leases of other people on an item, the latest to end first."""
    query = select(Lease).where(Lease.item_id == item_id, Lease.user != user, Lease.until > at)
    return list(session.scalars(query.order_by(Lease.until.desc())))


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
    mine = select(Lease).where(Lease.user == user, Lease.until > at, Lease.item_id != item_id, ~Lease.passed)
    for surplus in list(session.scalars(mine.order_by(Lease.taken_at.desc(), Lease.item_id)))[LEASES_EACH - 1 :]:
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


def forget_expired(session: Session, before: int) -> None:
    """Take away leases that ended before a time; passed ones stay."""
    session.execute(delete(Lease).where(Lease.until < before, ~Lease.passed))


def _answered(user: str) -> ColumnElement[bool]:
    return select(Answer.item_id).where(
        and_(Answer.item_id == Current.item_id, Answer.user == user, Answer.state != "draft")
    ).exists()  # fmt: skip


def _passed(user: str) -> ColumnElement[bool]:
    own = aliased(Lease)
    return select(own.item_id).where(own.item_id == Current.item_id, own.user == user, own.passed).exists()


def _others(user: str, at: int) -> ColumnElement[int]:
    other = aliased(Lease)
    return (
        select(func.count())
        .select_from(other)
        .where(other.item_id == Current.item_id, other.user != user, other.until > at)
        .correlate(Current)
        .scalar_subquery()
    )
