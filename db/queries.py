"""Every other question the studio asks the database, as functions of a session."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import bindparam, func, insert, select
from sqlalchemy.orm import Session, aliased

from db import search
from db.models import SHARED, Answer, Current, Item, Member, Project, RefinementEvent, Suggestion

NewRow = tuple[dict[str, Any], int, str, dict[str, Any]]  # (columns, priority, key, drafts)

_SUGGESTED = (
    select(Suggestion)
    .where(
        Suggestion.id.in_(
            select(func.max(Suggestion.id)).where(Suggestion.item_id == bindparam("item")).group_by(Suggestion.field)
        )
    )
    .order_by(Suggestion.field)
)


def projects(session: Session) -> list[Project]:
    """All projects, oldest first."""
    return list(session.scalars(select(Project).order_by(Project.id)))


def get_project(session: Session, project: int | None) -> Project | None:
    """A project by id; the oldest for None."""
    return session.get(Project, project) if project else session.scalar(select(Project).order_by(Project.id).limit(1))


def role_of(session: Session, user: str) -> str | None:
    """The role somebody was given, None for a newcomer."""
    member = session.get(Member, user)
    return member.role if member else None


def members(session: Session) -> list[Member]:
    """Everybody who was given a role, by name."""
    return list(session.scalars(select(Member).order_by(Member.user)))


def add_items(session: Session, project_id: int, at: int, user: str, rows: Sequence[NewRow]) -> int:
    """New items with their drafts as first version, written in bulk. Returns how many the project did not have yet.

    Each row: the columns of an item, its priority, the key of its first save, and its drafts, field -> value.
    """
    hashes = [columns["sha256"] for columns, *_ in rows]
    known = set(session.scalars(select(Item.sha256).where(Item.project_id == project_id, Item.sha256.in_(hashes))))
    first: dict[str, NewRow] = {}
    for row in rows:
        first.setdefault(row[0]["sha256"], row)
    fresh = [row for sha256, row in first.items() if sha256 not in known]
    if not fresh:
        return 0
    values = [{**columns, "project_id": project_id, "created_at": at} for columns, *_ in fresh]
    made = session.scalars(insert(Item).returning(Item.id, sort_by_parameter_order=True), values).all()
    numbered = list(zip(made, fresh, strict=True))
    session.execute(
        insert(Current),
        [
            {"item_id": item_id, "project_id": project_id, "version": bool(drafts), "changed": bool(drafts),
             "state": "draft", "fields": drafts, "user": user if drafts else None, "at": at, "answers": 0,
             "gold": False, "priority": priority}
            for item_id, (_, priority, _, drafts) in numbered
        ],
    )  # fmt: skip
    events = [
        {"item_id": item_id, "user": user, "at": at, "answer_of": SHARED, "field": field, "base_version": 0,
         "version": 1, "payload": payload, "key": key}
        for item_id, (_, _, key, drafts) in numbered
        for field, payload in drafts.items()
    ]  # fmt: skip
    if events:
        session.execute(insert(RefinementEvent), events)
    words = [
        (item_id, search.words_of(row["name"], row["source"], drafts)) for item_id, (row, _, _, drafts) in numbered
    ]
    search.insert(session.connection(), words)
    return len(fresh)


def add_item(session: Session, project_id: int, at: int, priority: int = 0, **columns: Any) -> Item | None:
    """A new item at version 0 without values, or None if the project has an image with these bytes already."""
    same = select(Item.id).where(Item.project_id == project_id, Item.sha256 == columns["sha256"])
    if session.scalar(same) is not None:
        return None
    current = Current(
        project_id=project_id,
        version=0,
        changed=0,
        state="draft",
        fields={},
        at=at,
        answers=0,
        gold=False,
        priority=priority,
    )
    item = Item(project_id=project_id, created_at=at, current=current, **columns)
    session.add(item)
    session.flush()
    search.index(session, item.id, search.words_of(item.name, item.source, {}), new=True)
    return item


def get_item(session: Session, item_id: int) -> Item | None:
    """The item with its current values."""
    return session.get(Item, item_id)


def answers_of(session: Session, item_id: int) -> list[Answer]:
    """What people said apart about an item, taken-back answers left out, in the order of their names."""
    query = select(Answer).where(Answer.item_id == item_id, Answer.state != "draft", ~Answer.user.startswith("("))
    return list(session.scalars(query.order_by(Answer.user)))


def get_answer(session: Session, item_id: int, user: str) -> Answer | None:
    """One person's own answer, None if there is none or it was taken back."""
    answer = session.get(Answer, (item_id, user))
    return answer if answer is not None and answer.state != "draft" else None


def suggestions_of(session: Session, item_id: int) -> list[Suggestion]:
    """The newest proposal for each field of an item."""
    return list(session.scalars(_SUGGESTED, {"item": item_id}))


def suggestions_of_items(session: Session, item_ids: Sequence[int]) -> dict[int, list[Suggestion]]:
    """item -> the newest proposal for each of its fields; items without one are left out."""
    newest = select(func.max(Suggestion.id)).where(Suggestion.item_id.in_(item_ids))
    query = select(Suggestion).where(Suggestion.id.in_(newest.group_by(Suggestion.item_id, Suggestion.field)))
    found: dict[int, list[Suggestion]] = {}
    for suggestion in session.scalars(query.order_by(Suggestion.item_id, Suggestion.field)):
        found.setdefault(suggestion.item_id, []).append(suggestion)
    return found


def answered_by(session: Session, user: str, project: int, offset: int, limit: int) -> list[Item]:
    """Items that a person has saved or skipped, the latest first."""
    last = func.max(RefinementEvent.id).label("last")
    mine = (
        select(RefinementEvent.item_id, last)
        .where(RefinementEvent.user == user, RefinementEvent.field == "state")
        .group_by(RefinementEvent.item_id)
        .subquery()
    )
    query = select(Item).join(mine, mine.c.item_id == Item.id).where(Item.project_id == project)
    return list(session.scalars(query.order_by(mine.c.last.desc()).offset(offset).limit(limit)))


def counts(session: Session, project: int) -> dict[str, int]:
    """State -> number of items of a project."""
    query = select(Current.state, func.count()).where(Current.project_id == project).group_by(Current.state)
    return {row[0]: row[1] for row in session.execute(query)}


def people(session: Session, project: int) -> int:
    """How many users have saved or skipped something here, programs left out.

    Names are found one after the other in their index, however many saves each has.
    """
    other = aliased(RefinementEvent)
    names = select(func.min(RefinementEvent.user).label("name")).cte("names", recursive=True)
    following = select(func.min(other.user)).where(other.user > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    here = select(RefinementEvent.id).join(Item, Item.id == RefinementEvent.item_id)
    here = here.where(RefinementEvent.user == names.c.name, Item.project_id == project)
    query = select(func.count()).select_from(names).where(~names.c.name.startswith("("), here.exists())
    return session.scalar(query) or 0


def all_items(session: Session, project: int) -> Iterator[Item]:
    """Every item of a project with its values, in the order of the image hashes, read in batches."""
    query = select(Item).where(Item.project_id == project).order_by(Item.sha256)
    yield from session.scalars(query.execution_options(yield_per=200))
