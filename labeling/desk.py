"""How one person meets one item: what they see of it, where their save goes, and how a save is taken back."""

import uuid
from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from db import log, queries, queue
from db.models import GOLD, QUEUE, SHARED, Item, Project, RefinementEvent
from labeling.items import Conflict, Suggested, Taken, View, project_view, view
from labeling.workplace import SYSTEM, Session, Workplace


def see(session: Session, item: Item, project: Project, user: str, at: int) -> View:
    """The item as this person may see it: other people's answers and the known answer of a test item are hidden."""
    more: dict[str, Any] = {
        "suggestions": tuple(
            Suggested(row.id, row.field, row.payload, row.model, row.model_version, row.score)
            for row in queries.suggestions_of(session, item.id)
        ),
        "at_work": tuple(lease.user for lease in queue.others_at_work(session, item.id, user, at)),
    }
    lease = queue.lease_of(session, item.id, user)
    if lease is not None and lease.until > at:
        more["lease_until"] = lease.until
    decided = item.current.state in log.ANSWERED
    if item.current.gold or (project_view(project).apart and not decided):
        own = queries.get_answer(session, item.id, user)
        if own is not None:
            more |= {"fields": own.fields, "user": user, "at": own.at, "answered": True}
        if item.current.gold:
            more["state"] = own.state if own else "draft"
        if item.current.gold and own is None:
            more |= {"fields": _imported(session, item.id), "user": None, "at": None}
    return view(item, **more)


def record(
    workplace: Workplace, session: Session, item: Item, project: Project, user: str, base_version: int,
    changes: Mapping[str, Any], key: str, document: str | None = None, batch: str | None = None,
) -> None:  # fmt: skip
    """Write a save into the log, in the caller's unit of work. Raises Conflict or Taken; nothing is written then."""
    at = workplace.clock()
    target = place(session, item, project, user, at) if document is None else document
    held = queue.release(session, item.id, user, at)
    spent = min(at - held.taken_at, 2**31 - 1) if held is not None and not held.passed else None
    save = log.Save(user, key, at, batch=batch, spent=spent, verdicts=_verdicts(session, item.id, changes))
    documents = {SHARED: changes, GOLD: changes} if target == GOLD else {target: changes}
    try:
        log.append(session, item.current, base_version, documents, save, needed(item, project))
    except log.Stale:
        raise Conflict(see(session, item, project, user, at), changes) from None


def place(session: Session, item: Item, project: Project, user: str, at: int) -> str:
    """The document that a person's save goes to. Raises Taken if there is no room for their answer."""
    current, apart = item.current, project_view(project).apart
    decided = current.state in log.ANSWERED
    own = queries.get_answer(session, item.id, user) if apart or current.gold else None
    if current.gold or (own is not None and not decided):
        return user
    if not apart and decided:
        return SHARED
    theirs = see(session, item, project, user, at)
    if decided:
        raise Taken(f"{current.user} has decided this item: open it to see how, or go on with the next one.", theirs)
    if current.state == "review":
        raise Taken("This item has all its answers: yours is not needed any more, go on with the next one.", theirs)
    others = queue.others_at_work(session, item.id, user, at)
    if current.answers + len(others) >= project.answers:
        names = " and ".join(lease.user for lease in others)
        raise Taken(f"{names} took this item over when your time had run out: save again later, or go on.", theirs)
    return user if apart else SHARED


def take_back(
    workplace: Workplace, session: Session, key: str, user: str, batch: str | None = None
) -> tuple[Item, Project]:
    """Undo one save, in the caller's unit of work; its history stays in the log.

    Raises InputError if somebody has changed or decided the item since: that would be lost.
    """
    events = log.events_with_key(session, key)
    if not events:
        raise InputError("there is no such save to take back: reload the history")
    item, project = workplace.item(session, events[0].item_id)
    history = log.events_of(session, item.id)
    documents: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(event.answer_of for event in events if event.answer_of != QUEUE):
        saves = log.standing(history, name)
        if not any(save[0].key == key for save in saves):
            raise InputError("this save was taken back already: reload the history")
        if saves[-1][0].key != key:
            raise InputError(f"{saves[-1][0].user} changed this item after you: undoing yours would lose theirs")
        state, fields = _fold(saves[:-1])
        changes = {event.field: fields.get(event.field) for event in saves[-1] if event.field != "state"}
        documents[name] = {**changes, "state": state}
    decided = item.current.state in log.ANSWERED and not item.current.gold
    if decided and SHARED not in documents:
        raise InputError(f"{item.current.user} has decided this item since: undo the decision first")
    save = log.Save(user, uuid.uuid4().hex, workplace.clock(), reverts=key, batch=batch)
    log.append(session, item.current, item.current.version, documents, save, needed(item, project))
    return item, project


def needed(item: Item, project: Project) -> int | None:
    """After how many answers an item waits for review; None where a save decides at once."""
    return project.answers if project_view(project).apart and not item.current.gold else None


def _verdicts(session: Session, item_id: int, changes: Mapping[str, Any]) -> dict[str, tuple[int, str]]:
    """What a save says about each model suggestion that it replaces a missing value of."""
    verdicts = {}
    for suggestion in queries.suggestions_of(session, item_id):
        if suggestion.field in changes:
            value = changes[suggestion.field]
            empty = value in (None, "", []) or (isinstance(value, dict) and not value.get("runs"))
            verdict = "accepted" if value == suggestion.payload else "rejected" if empty else "edited"
            verdicts[suggestion.field] = (suggestion.id, verdict)
    return verdicts


def _imported(session: Session, item_id: int) -> dict[str, Any]:
    """The values an item came with."""
    events = [event for event in log.events_of(session, item_id) if event.user == SYSTEM and event.answer_of == SHARED]
    return log.replay(events)[1].get(SHARED, log.BLANK)[1]


def _fold(saves: list[list[RefinementEvent]]) -> log.Document:
    content = log.BLANK
    for save in saves:
        content = log.apply(content, {event.field: event.payload for event in save})
    return content
