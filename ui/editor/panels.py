"""Panels about items: find, look-alikes, history. What they change is checked by the studio."""

import calendar
import time
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import gradio as gr

from core.errors import InputError
from labeling.items import Edit, View
from labeling.studio import Filter, Studio
from ui import access
from ui.editor import markup
from ui.editor.asking import Answer, may, project_of, visitor
from ui.editor.markup import NAMES, button, in_words
from ui.editor.models import Models

PAGE = 20  # items of a panel
STATES = {"": "any state", "draft": "to do", "review": "in review", "refined": "refined", "skipped": "skipped"}
FORM = ("text", "state", "person", "since", "until")


class Panels:
    """What the panels about items ask for."""

    def __init__(self, studio: Studio, models: Models):
        self.studio, self.models = studio, models

    def handlers(self) -> list[Callable]:
        """What the script may call."""
        return [self.find, self.alike, self.history, self.undo_edit, self.restore]

    def find(self, asked: Answer, request: gr.Request) -> Answer:
        """Items by words, state, person and dates."""
        words, wanted = filter_of(asked)
        offset = max(0, int(asked["offset"])) if str(asked.get("offset", "")).isdecimal() else 0
        found = self.studio.find(wanted, project_of(asked), min(offset, 2**31), PAGE)
        if not found.items:
            results = "<p>No item fits. Use fewer words, or another state.</p>"
        else:
            way = button("Earlier", "find", {**words, "offset": max(0, offset - PAGE)}) if offset else ""
            way += button("More", "find", {**words, "offset": offset + PAGE}) if offset + PAGE < found.total else ""
            count = f"<p>{offset + 1} to {offset + len(found.items)} of {found.total}</p>"
            results = count + markup.items_table(found.items) + way
        for_reviewers = ""
        if found.total and may(self.studio, visitor(request), "reviewer"):
            for_reviewers = button(f"Change all {found.total} of them", "bulk", words)
        return {"html": _form(words) + results + for_reviewers}

    def alike(self, asked: Answer, request: gr.Request) -> Answer:
        """Items that look like this one."""
        access.worker(request, self.studio, "refiner")  # a model's time is for people who work here
        view = self.studio.item(asked.get("item"))  # type: ignore[arg-type]  # the studio checks it
        scores, compared, total = self.models.alike(view, PAGE)
        items = {item.id: item for item in self.studio.find(Filter(ids=scores), view.project, 0, PAGE).items}
        rest = f", {total - compared} are still to be looked at: ask again" if compared < total else ""
        more = button("Ask again", "alike", {"item": view.id}) if rest else ""
        found = markup.items_table([items[item] for item in scores if item in items], scores) if scores else ""
        return {"html": f"<p>Compared with {compared} images of this project{rest}.</p>{found}{more}"}

    def history(self, asked: Answer, request: gr.Request) -> Answer:
        """Every save of an item, with what it changed; one's own can be taken back, by reviewers any."""
        user, item = visitor(request), asked.get("item")
        edits = self.studio.history(user or "", item)  # type: ignore[arg-type]
        if not edits:
            return {"html": "<p>Nobody has changed this item yet. Your first save will be listed here.</p>"}
        view, reviews = self.studio.item(item), may(self.studio, user, "reviewer")  # type: ignore[arg-type]
        return {"html": "".join(_edit(edit, user, view, reviews) for edit in reversed(edits))}

    def undo_edit(self, asked: Answer, request: gr.Request) -> Answer:
        """Take back one save of an item, then show its history."""
        self.studio.undo(access.writer(request), asked.get("edit", ""))
        return {**self.history(asked, request), "reopen": asked.get("item")}

    def restore(self, asked: Answer, request: gr.Request) -> Answer:
        """Put an item back as it was at an earlier version, then show its history."""
        user, numbers = access.writer(request), (asked.get("item"), asked.get("to"), asked.get("version"))
        if not all(type(number) is int for number in numbers):
            raise InputError("This version can't be told: open the history again.")
        self.studio.restore_version(user, *numbers, asked.get("key", ""))  # type: ignore[arg-type]
        return {**self.history(asked, request), "reopen": asked.get("item")}


def filter_of(asked: Mapping[str, Any]) -> tuple[dict[str, str], Filter]:
    """What a person filled into the form, and the filter it means. Raises InputError for what is no date."""
    words = {name: str(asked.get(name) or "")[:200] for name in FORM}
    states = (words["state"],) if words["state"] in STATES and words["state"] else ()
    until = _day(words["until"])
    until = until + 86_400_000 if until is not None else None  # the whole last day
    return words, Filter(words["text"], states, words["person"].strip(), _day(words["since"]), until)


def _edit(edit: Edit, user: str | None, item: View, reviews: bool) -> str:
    changes = "".join(
        f"<dt>{NAMES.get(name, escape(name))}</dt><dd><del>{escape(in_words(name, before))}</del> "
        f"<ins>{escape(in_words(name, after))}</ins></dd>"
        for name, (before, after) in edit.changes.items()
    )
    marks = ["took back an earlier save"] if edit.reverts else []
    marks += ["taken back"] if edit.taken_back else []
    marks += ["part of a bulk action"] if edit.batch else []
    actions = ""
    if (reviews or user == edit.user) and not edit.taken_back and not edit.reverts and not edit.user.startswith("("):
        actions = button("Take this save back", "undo_edit", {"item": item.id, "edit": edit.key})
    if reviews and edit.version < item.version and not edit.answer_of:
        whole = {"item": item.id, "to": edit.version, "version": item.version}
        actions += button("Put this version back", "restore", whole)
    answer = f" ({escape(edit.answer_of)}'s own answer)" if edit.answer_of else ""
    title = f"Version {edit.version} by {escape(edit.user)}{answer}, {markup.when(edit.at)}"
    title += "".join(f", {mark}" for mark in marks)
    return f"<section><h4>{title}</h4><dl>{changes}</dl>{actions}</section>"


def _form(words: Mapping[str, str]) -> str:
    inside = (
        markup.entry("Words", "text", words["text"], "search", "autofocus")
        + markup.choice("State", "state", STATES, words["state"])
        + markup.entry("Person", "person", words["person"])
        + markup.entry("Changed from", "since", words["since"], "date")
        + markup.entry("to", "until", words["until"], "date")
    )
    return markup.form("find", inside, "Find")


def _day(text: str) -> int | None:
    """Unix milliseconds of the first moment of a day, UTC."""
    if not text:
        return None
    try:
        return calendar.timegm(time.strptime(text, "%Y-%m-%d")) * 1000
    except ValueError:
        raise InputError("A date is written like 2026-11-21.") from None
