"""An item's log as people read it: one entry a save, with what it changed."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

from db import log
from db.models import QUEUE, RefinementEvent
from labeling.items import Edit


def edits(events: Iterable[RefinementEvent]) -> list[Edit]:
    """Every save of an item's log, oldest first; one entry a document."""
    events = [event for event in events if event.answer_of != QUEUE]
    taken_back = {event.reverts for event in events}
    documents: dict[str, log.Document] = {}
    found = []
    for (key, name), group in groupby(events, lambda event: (event.key, event.answer_of)):
        save = list(group)
        before = documents.get(name, log.BLANK)
        after = documents[name] = log.apply(before, {event.field: event.payload for event in save})
        first = save[0]
        found.append(
            Edit(key, first.version, first.user, first.at, name, diff(_flat(before), _flat(after)), first.reverts,
                 key in taken_back, first.batch)
        )  # fmt: skip
    return found


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """field -> (before, after) of every field that differs, None where it is missing."""
    names = sorted(before.keys() | after.keys())
    return {name: (before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)}


def _flat(content: log.Document) -> dict[str, Any]:
    return {"state": content[0], **content[1]}
