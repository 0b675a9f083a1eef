"""The studio's values: what goes in, what comes out. No session, no table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from core.errors import InputError
from db.models import Item, Project


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
class ProjectView:
    """A set of items refined under the same rules."""

    id: int
    name: str
    instructions: str
    answers: int  # how many people answer an item
    review: bool  # a second reader decides before an item counts as refined
    fields: tuple[str, ...]  # what is refined here, see labeling.fields

    @property
    def apart(self) -> bool:
        """Whether people answer apart and a reviewer decides; otherwise a save is at once what the item holds."""
        return self.answers > 1 or self.review


@dataclass(frozen=True)
class Suggested:
    """A model's proposal for one field."""

    id: int
    field: str
    value: Any
    model: str
    model_version: str
    score: float | None  # the model's own certainty, 0 to 1


@dataclass(frozen=True)
class View:
    """An item as it stands now; opened by a person, their own answer where people answer apart."""

    id: int
    sha256: str
    name: str
    source: str
    licence: str
    group: str
    width: int  # pixels
    height: int  # pixels
    version: int  # a save carries it back as its base version
    state: str  # "draft" | "review" (waits for a decision) | "refined" | "skipped"
    fields: Mapping[str, Any]
    user: str | None
    at: int | None  # Unix time of the last change, milliseconds; None: untouched since its import
    project: int = 0
    priority: int = 0
    answers: int = 0  # people who have answered apart so far
    suggestions: tuple[Suggested, ...] = ()  # the newest of each field; only on an opened item
    answered: bool = False  # the fields are this person's own answer
    lease_until: int | None = None  # Unix time, milliseconds: until then nobody else gets this place
    at_work: tuple[str, ...] = ()  # other people who hold the item now
    gold: bool = False  # a test item with a known answer; refiners are not told

    @property
    def offered(self) -> dict[str, Any]:
        """What an editor starts from: the fields, and the models' suggestions where there is no value yet."""
        return {suggested.field: suggested.value for suggested in self.suggestions} | dict(self.fields)


@dataclass(frozen=True)
class Progress:
    """How far a project is, in items; `people` have saved or skipped at least one."""

    total: int
    refined: int
    skipped: int
    drafts: int
    people: int
    review: int = 0  # waiting for a reviewer


@dataclass(frozen=True)
class Imported:
    """What became of an import: items added, images that were there already, and (name, reason) of refused files."""

    added: int
    known: int
    refused: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Found:
    """One page of a search and how many items it found in all."""

    total: int
    items: tuple[View, ...]


@dataclass(frozen=True)
class Edit:
    """One save in an item's history."""

    key: str
    version: int  # of the item, made by this save
    user: str
    at: int  # Unix time, milliseconds
    answer_of: str  # "": the item itself; a name: that person's own answer; "(gold)": the known answer
    changes: Mapping[str, tuple[Any, Any]]  # field -> (before, after), None: not there; "state" is one of them
    reverts: str | None  # the key of the save that this one takes back
    taken_back: bool
    batch: str | None  # the bulk action it was part of


class Conflict(InputError):
    """Somebody else has changed the item meanwhile. Nothing was overwritten; `theirs` is what it holds now."""

    def __init__(self, theirs: View, mine: Mapping[str, Any] | None = None):
        super().__init__(
            f"{theirs.user or 'Somebody'} changed this item while you worked on it: nothing was overwritten. "
            "Compare both versions, then save yours again or take theirs."
        )
        self.theirs, self.mine = theirs, dict(mine or {})


class Taken(InputError):
    """The item has no room for another answer now. The person's work stays with them; `theirs` is the item."""

    def __init__(self, reason: str, theirs: View):
        super().__init__(reason)
        self.theirs = theirs


def view(item: Item, **more: Any) -> View:
    """The database's row as a value that outlives the session."""
    now = item.current
    values: dict[str, Any] = {
        "id": item.id, "sha256": item.sha256, "name": item.name, "source": item.source, "licence": item.licence,
        "group": item.group, "width": item.width, "height": item.height, "version": now.version, "state": now.state,
        "fields": now.fields, "user": now.user, "at": now.at if now.user else None, "project": item.project_id,
        "priority": now.priority, "answers": now.answers, "gold": now.gold,
    }  # fmt: skip
    return View(**{**values, **more})


def project_view(project: Project) -> ProjectView:
    """The database's row as a value that outlives the session."""
    return ProjectView(
        project.id, project.name, project.instructions, project.answers, project.review, tuple(project.fields)
    )


def label(name: str) -> str:
    """A user's file name as a label: its last part, printable characters only, 200 at most."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(character for character in last if character.isprintable())[:200] or "image"
