"""What people do in the studio: import, take the next item, save, skip, undo, look at progress.

Knows the database and the image store; knows no Gradio and no model. Every method is one short unit of work and safe to
call from many threads.
"""

import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from core.errors import InputError
from db import queries
from db.engine import session_scope
from labeling.database import connect
from labeling.export import export as write_revision
from labeling.fields import check_fields
from labeling.items import Conflict, Imported, NewItem, Progress, View, label, view
from labeling.store import ImageStore

IMPORTER = "(import)"  # no person can be called so

SKIP_REASONS = ("not infrared", "nothing to see", "damaged image", "too hard to judge", "other")


class Studio:
    """The labeling studio over one database and one image store.

    Args:
        url: of the database, `sqlite:///FILE` or a PostgreSQL URL; created or upgraded here.
        store: folder of the original images.
        inspect: (bytes, name) -> (width, height) of a readable infrared image; raises InputError for any other file.
    """

    def __init__(self, url: str, store: Path, inspect: Callable[[bytes, str], tuple[int, int]]):
        self.engine = connect(url)
        self.images = ImageStore(store)
        self._inspect = inspect
        self._exporting = threading.Lock()

    def import_items(self, items: Iterable[NewItem]) -> Imported:
        """Add images to the queue. A bad file is refused with its reason and the rest goes on."""
        added = known = 0
        refused: list[tuple[str, str]] = []
        for new in items:
            try:
                width, height = self._inspect(new.data, new.name)
                drafts = check_fields(new.drafts, width, height)
            except InputError as error:
                refused.append((label(new.name), str(error)))
                continue
            sha256 = self.images.put(new.data)
            columns = {
                "sha256": sha256, "name": label(new.name), "source": new.source, "licence": new.licence,
                "group": new.group or sha256[:12], "width": width, "height": height, "priority": new.priority,
            }  # fmt: skip
            with session_scope(self.engine, writes=True) as session:
                item = queries.add_item(session, **columns)
                if item is not None and drafts:
                    queries.append(session, item.id, 0, drafts, user=IMPORTER, key=f"import-{sha256[:32]}")
            added, known = added + (item is not None), known + (item is None)
        return Imported(added, known, tuple(refused))

    def next_item(self) -> View | None:
        """The item to refine next, None when every item is refined or skipped."""
        with session_scope(self.engine) as session:
            item = queries.next_draft(session)
            return view(item) if item else None

    def item(self, item_id: int) -> View:
        """One item. Raises InputError if there is none."""
        if type(item_id) is not int or not 0 < item_id < 2**31:
            raise InputError("an item is known by a whole number: open one from the Label tab")
        with session_scope(self.engine) as session:
            item = queries.get_item(session, item_id)
        if item is None:
            raise InputError(f"there is no item {item_id}: open one from the Data tab")
        return view(item)

    def image(self, view: View) -> bytes:
        """The original file of an item."""
        return self.images.get(view.sha256)

    def save(self, user: str, item_id: int, base_version: int, fields: Mapping[str, Any], key: str) -> View:
        """Accept a refinement: on the disk when this returns.

        Args:
            base_version: the version the user saw. Conflict is raised if the item has moved on.
            fields: "caption_global", "caption_fine" (text), "mask" (see labeling.masks), "tags" (list of text).
            key: made once for each save by the caller; the same key again changes nothing and answers the same.
        """
        item = self.item(item_id)
        changes = check_fields(fields, item.width, item.height)
        return self._append(item_id, base_version, {**changes, "state": "refined", "reason": None}, user, key)

    def skip(self, user: str, item_id: int, base_version: int, reason: str, key: str) -> View:
        """Take an item out of the queue, with a reason. Its fields stay as they are."""
        if reason not in SKIP_REASONS:
            raise InputError(f"say why you skip this item: {', '.join(SKIP_REASONS)}")
        self.item(item_id)  # is there one?
        return self._append(item_id, base_version, {"state": "skipped", "reason": reason}, user, key)

    def last_of(self, user: str) -> View | None:
        """The item this person saved or skipped last, None if there is none."""
        with session_scope(self.engine) as session:
            key = queries.last_key_of(session, user)
            events = queries.events_with_key(session, key) if key else []
        return self.item(events[0].item_id) if events else None

    def undo(self, user: str) -> View:
        """Take back this person's last save or skip, if nobody has changed the item since. History stays in the log."""
        with session_scope(self.engine, writes=True) as session:
            key = queries.last_key_of(session, user)
            if key is None:
                raise InputError("there is nothing of yours to undo: save or skip an item first")
            mine = queries.events_with_key(session, key)
            item_id, base = mine[0].item_id, mine[0].base_version
            before = [event for event in queries.events_of(session, item_id) if event.base_version < base]
            _, state, fields = queries.replay(before)
            changes = {event.field: fields.get(event.field) for event in mine if event.field != "state"}
            try:
                changes["state"] = state
                queries.append(session, item_id, base + 1, changes, user, uuid.uuid4().hex, reverts=key)
            except queries.Stale as stale:
                other = stale.current.user
                raise InputError(f"{other} changed this item after you: undoing yours would lose theirs") from None
        return self.item(item_id)

    def progress(self) -> Progress:
        """Counts over all items."""
        with session_scope(self.engine) as session:
            states, people = queries.counts(session), queries.people(session)
        refined, skipped, drafts = (states.get(state, 0) for state in ("refined", "skipped", "draft"))
        return Progress(refined + skipped + drafts, refined, skipped, drafts, people)

    def items(self, states: Iterable[str] = ("refined", "skipped"), offset: int = 0, limit: int = 25) -> list[View]:
        """Items in these states, the latest change first."""
        with session_scope(self.engine) as session:
            return [view(item) for item in queries.page(session, states, offset, limit)]

    def export(self, out: Path, tag: str) -> dict[str, Any]:
        """Write a pinned revision to a new folder: see labeling.export.export."""
        with self._exporting:
            return write_revision(self.engine, self.images, out, tag)

    def _append(self, item_id: int, base_version: int, changes: dict[str, Any], user: str, key: str) -> View:
        if type(base_version) is not int or not isinstance(key, str) or not 8 <= len(key) <= 64:
            raise InputError("this save is incomplete: reload the item and save again")
        with session_scope(self.engine, writes=True) as session:
            before = queries.events_with_key(session, key)
            if before:
                if before[0].item_id != item_id or before[0].user != user:
                    raise InputError("this save's key was used for another one: reload the item")
            else:
                try:
                    queries.append(session, item_id, base_version, changes, user, key)
                except queries.Stale as stale:
                    raise Conflict(view(stale.current.item)) from None
            item = queries.get_item(session, item_id)
            assert item is not None  # the caller has looked
            return view(item)
