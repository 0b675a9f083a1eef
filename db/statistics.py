"""Counts over the log and the answers; every query can use an index."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from db.models import GOLD, QUEUE, Answer, Current, Item, RefinementEvent, Suggestion


def saves(session: Session, project: int, since: int, user: str | None = None) -> Iterator[tuple[str, int, int | None]]:
    """(person, Unix time in ms, ms spent) of every save and skip that stands, programs left out."""
    taken_back = aliased(RefinementEvent)
    query = (
        select(RefinementEvent.user, RefinementEvent.at, RefinementEvent.spent)
        .join(Item, Item.id == RefinementEvent.item_id)
        .where(
            Item.project_id == project,
            RefinementEvent.field == "state",
            RefinementEvent.answer_of.not_in((QUEUE, GOLD)),
            RefinementEvent.reverts.is_(None),
            RefinementEvent.batch.is_(None),
            RefinementEvent.at >= since,
            ~RefinementEvent.user.startswith("("),
            ~select(taken_back.id).where(taken_back.reverts == RefinementEvent.key).exists(),
        )
    )
    if user is not None:
        query = query.where(RefinementEvent.user == user)
    for row in session.execute(query.order_by(RefinementEvent.id)):
        yield row[0], row[1], row[2]


def verdicts(session: Session, project: int) -> list[tuple[str, str, str, str, int]]:
    """(model, version, field, verdict, how often): what people made of models' suggestions, in saves that stand."""
    taken_back = aliased(RefinementEvent)
    columns = Suggestion.model, Suggestion.model_version, Suggestion.field, RefinementEvent.verdict
    query = (
        select(*columns, func.count())
        .join(RefinementEvent, RefinementEvent.suggestion_id == Suggestion.id)
        .join(Item, Item.id == Suggestion.item_id)
        .where(Item.project_id == project, RefinementEvent.verdict.is_not(None))
        .where(~select(taken_back.id).where(taken_back.reverts == RefinementEvent.key).exists())
    )
    return [
        (row[0], row[1], row[2], str(row[3]), row[4])
        for row in session.execute(query.group_by(*columns).order_by(*columns))
    ]


def several_answers(session: Session, project: int, limit: int) -> list[dict[str, dict[str, Any]]]:
    """person -> fields, for the newest items that two people or more have answered apart."""
    ids = select(Current.item_id).where(Current.project_id == project, Current.answers > 1)
    ids = ids.order_by(Current.at.desc()).limit(limit)
    found: dict[int, dict[str, dict[str, Any]]] = {}
    query = select(Answer).where(Answer.item_id.in_(ids), Answer.state == "refined", ~Answer.user.startswith("("))
    for answer in session.scalars(query.order_by(Answer.item_id, Answer.user)):
        found.setdefault(answer.item_id, {})[answer.user] = answer.fields
    return list(found.values())


def against(session: Session, user: str, project: int) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """("gold" | "decision", a person's answer, what is known or was decided) for each of their answers that has one."""
    query = (
        select(Answer, Current)
        .join(Current, Current.item_id == Answer.item_id)
        .where(
            Answer.user == user, Answer.state == "refined", Current.project_id == project, Current.state == "refined"
        )
    )
    for answer, current in session.execute(query.order_by(Answer.item_id)):
        known = session.get(Answer, (answer.item_id, GOLD)) if current.gold else None
        yield ("gold", answer.fields, known.fields) if known else ("decision", answer.fields, current.fields)
