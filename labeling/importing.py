"""Bringing images and models' suggestions into a project, in units of work so small that nobody has to wait."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from core.errors import InputError
from db import queries
from db.models import Project, Suggestion
from labeling.fields import check_fields
from labeling.items import Imported, NewItem, label
from labeling.workplace import SYSTEM, Workplace

CHUNK = 100  # images in one unit of work


@dataclass
class Importer:
    """Adds items; `inspect` as in labeling.studio.Studio."""

    workplace: Workplace
    inspect: Callable[[bytes, str], tuple[int, int]]

    def run(
        self, items: Iterable[NewItem], user: str, project: int | None, tell: Callable[[int], None] | None
    ) -> Imported:
        """See Studio.import_items."""
        added = known = seen = 0
        refused: list[tuple[str, str]] = []
        remaining = iter(items)
        with self.workplace.writes(user, "owner") as session:  # before any file is read
            rules = self.workplace.project(session, project)
        while chunk := list(islice(remaining, CHUNK)):
            ready = [row for new in chunk if (row := self._ready(new, rules, refused)) is not None]
            with self.workplace.writes(user, "owner") as session:
                fresh = queries.add_items(session, rules.id, self.workplace.clock(), SYSTEM, ready)
            added, known, seen = added + fresh, known + len(ready) - fresh, seen + len(chunk)
            if tell is not None:
                tell(seen)
        return Imported(added, known, tuple(refused))

    def suggest(self, item_id: int, values: Mapping[str, Any], model: str, version: str, score: float | None) -> None:
        """See Studio.suggest."""
        with self.workplace.writes(SYSTEM, "owner") as session:
            item, _ = self.workplace.item(session, item_id)
            checked = check_fields(values, item.width, item.height)
            at = self.workplace.clock()
            session.add_all(
                Suggestion(
                    item_id=item_id, field=name, payload=value, model=model[:200], model_version=version[:100],
                    score=score, at=at,
                )
                for name, value in checked.items()
            )  # fmt: skip

    def _ready(self, new: NewItem, rules: Project, refused: list[tuple[str, str]]) -> queries.NewRow | None:
        """The row of an image that was looked at and stored; None, with the reason noted, for a bad one."""
        try:
            width, height = self.inspect(new.data, new.name)
            drafts = check_fields(new.drafts, width, height)
        except InputError as error:
            refused.append((label(new.name), str(error)))
            return None
        sha256 = self.workplace.images.put(new.data)
        columns = {
            "sha256": sha256, "name": label(new.name), "source": new.source[:200], "licence": new.licence[:200],
            "group": new.group[:200] or sha256[:12], "width": width, "height": height,
        }  # fmt: skip
        return columns, new.priority, f"import-{rules.id}-{sha256[:32]}", drafts
