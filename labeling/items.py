"""The studio's values: what goes in, what comes out. No session, no table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from core.errors import InputError
from db.models import Item


@dataclass(frozen=True)
class NewItem:
    """One image to import, with drafts of its fields if there are any."""

    data: bytes  # the original file
    name: str  # shown to people, never used as a path
    source: str
    licence: str
    group: str = ""  # empty: a group of its own
    drafts: Mapping[str, Any] = field(default_factory=dict)  # field -> value, see labeling.fields
    priority: int = 0


@dataclass(frozen=True)
class View:
    """An item as it stands now."""

    id: int
    sha256: str
    name: str
    source: str
    licence: str
    group: str
    width: int  # pixels
    height: int  # pixels
    version: int
    state: str  # "draft" | "refined" | "skipped"
    fields: Mapping[str, Any]
    user: str | None
    at: int | None  # Unix time of the last change, milliseconds


@dataclass(frozen=True)
class Progress:
    """How far the work is, in items; `people` have saved or skipped at least one that still stands."""

    total: int
    refined: int
    skipped: int
    drafts: int
    people: int


@dataclass(frozen=True)
class Imported:
    """What became of an import: items added, images that were there already, and (name, reason) of refused files."""

    added: int
    known: int
    refused: tuple[tuple[str, str], ...]


class Conflict(InputError):
    """Somebody else has changed the item meanwhile. Nothing was overwritten; `theirs` is what it holds now."""

    def __init__(self, theirs: View):
        super().__init__(
            f"{theirs.user or 'Somebody'} changed this item while you worked on it: nothing was overwritten. "
            "Compare both versions, then save yours again or take theirs."
        )
        self.theirs = theirs


def view(item: Item) -> View:
    """The database's row as a value that outlives the session."""
    now = item.current
    return View(
        item.id, item.sha256, item.name, item.source, item.licence, item.group, item.width, item.height,
        now.version, now.state, now.fields, now.user, now.at,
    )  # fmt: skip


def label(name: str) -> str:
    """A user's file name as a label: its last part, printable characters only, 200 at most."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[:200] or "image"
