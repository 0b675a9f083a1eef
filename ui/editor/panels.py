"""Panels of the editor: find, history, progress. HTML made here, everything a person wrote escaped.

`data-open` opens an item; `data-call` with `data-payload` asks the server for another panel.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import Any

import gradio as gr

from core.errors import InputError
from labeling import masks
from labeling.items import Edit, View
from labeling.studio import Filter, Studio
from ui import access
from ui.editor.asking import Answer, visitor

PAGE = 20  # items of a panel
STATES = ("draft", "review", "refined", "skipped")
NAMES = {
    "mask": "Mask", "boxes": "Boxes", "points": "Points", "caption_global": "Global caption",
    "caption_fine": "Fine caption", "questions": "Questions", "tags": "Tags", "quality": "Quality",
    "state": "State", "reason": "Reason",
}  # fmt: skip


class Panels:
    """What the panels ask for."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def handlers(self) -> list[Callable]:
        """What the script may call."""
        return [self.find, self.history, self.overview, self.undo_edit]

    def find(self, asked: Answer, request: gr.Request) -> Answer:
        """Items by words, state, person and date."""
        words = {name: str(asked.get(name) or "")[:200] for name in ("text", "state", "person", "since")}
        offset = max(0, int(asked["offset"])) if str(asked.get("offset", "")).isdecimal() else 0
        states = (words["state"],) if words["state"] in STATES else ()
        wanted = Filter(text=words["text"], states=states, person=words["person"], since=_day(words["since"]))
        found = self.studio.find(wanted, offset=offset, limit=PAGE)
        return {"html": _form(words) + _results(found.items, found.total, offset, words)}

    def history(self, asked: Answer, request: gr.Request) -> Answer:
        """Every save of an item, with what it changed; one's own can be taken back."""
        user, item = visitor(request), asked.get("item")
        edits = self.studio.history(user or "", item)  # type: ignore[arg-type]  # the studio checks it
        if not edits:
            return {"html": "<p>Nobody has changed this item yet. Your first save will be listed here.</p>"}
        return {"html": "".join(_edit(edit, user, item) for edit in reversed(edits))}

    def undo_edit(self, asked: Answer, request: gr.Request) -> Answer:
        """Take back one save of an item, then show its history."""
        self.studio.undo(access.writer(request), asked.get("edit"))
        return self.history(asked, request)

    def overview(self, asked: Answer, request: gr.Request) -> Answer:
        """How far the work is."""
        progress, user = self.studio.progress(), visitor(request)
        bars = {
            "refined": progress.refined,
            "skipped": progress.skipped,
            "in review": progress.review,
            "to do": progress.drafts,
        }
        rows = "".join(f"<dt>{name}</dt><dd>{_bar(count, progress.total)} {count}</dd>" for name, count in bars.items())
        mine = self.studio.mine(user, limit=PAGE) if user else []
        yours = (
            f"<h4>Your last items</h4>{_table(mine)}"
            if mine
            else "<p>You haven't saved an item yet: your work will be listed here.</p>"
        )
        return {"html": f"<dl>{rows}<dt>people</dt><dd>{progress.people}</dd></dl>{yours}"}


def in_words(name: str, value: Any) -> str:
    """A field's value in one line, not escaped."""
    if value in (None, "", []):
        return "nothing"
    if name == "mask":
        return f"{masks.area(value)} px"
    if isinstance(value, list):
        return "; ".join(in_words("", one) for one in value)
    if isinstance(value, Mapping):
        return " ".join(in_words("", one) for one in value.values() if one not in ("", None))
    return str(value)


def _edit(edit: Edit, user: str | None, item: Any) -> str:
    changes = "".join(
        f"<dt>{NAMES.get(name, escape(name))}</dt><dd><del>{escape(in_words(name, before))}</del> "
        f"<ins>{escape(in_words(name, after))}</ins></dd>"
        for name, (before, after) in edit.changes.items()
    )
    marks = ["took back an earlier save"] if edit.reverts else []
    marks += ["taken back"] if edit.taken_back else []
    undo = ""
    if user == edit.user and not edit.taken_back and not edit.reverts:
        undo = _button("Take this save back", "undo_edit", {"item": item, "edit": edit.key})
    title = f"Version {edit.version} by {escape(edit.user)}, {_when(edit.at)}" + "".join(f", {mark}" for mark in marks)
    return f"<section><h4>{title}</h4><dl>{changes}</dl>{undo}</section>"


def _form(words: Mapping[str, str]) -> str:
    options = "".join(
        f'<option value="{state}"{" selected" if words["state"] == state else ""}>{state or "any state"}</option>'
        for state in ("", *STATES)
    )
    return (
        '<form data-call="find">'
        f'<label>Words<input name="text" autofocus maxlength="200" value="{escape(words["text"])}"></label>'
        f'<label>State<select name="state">{options}</select></label>'
        f'<label>Person<input name="person" maxlength="100" value="{escape(words["person"])}"></label>'
        f'<label>Changed since<input name="since" type="date" value="{escape(words["since"])}"></label>'
        '<button type="submit" class="main">Find</button></form>'
    )


def _results(items: Iterable[View], total: int, offset: int, words: Mapping[str, str]) -> str:
    items = list(items)
    if not items:
        return "<p>No item fits. Use fewer words, or another state.</p>"
    way = _button("Earlier", "find", {**words, "offset": max(0, offset - PAGE)}) if offset else ""
    way += _button("More", "find", {**words, "offset": offset + PAGE}) if offset + PAGE < total else ""
    return f"<p>{offset + 1} to {offset + len(items)} of {total}</p>{_table(items)}{way}"


def _table(items: Iterable[View]) -> str:
    rows = "".join(
        f'<tr><td><a href="?item={view.id}" data-open="{view.id}">#{view.id} {escape(view.name)}</a></td>'
        f"<td>{view.state}</td><td>{escape(str(view.fields.get('caption_global') or ''))}</td>"
        f"<td>{escape(view.user or '')}</td><td>{_when(view.at)}</td></tr>"
        for view in items
    )
    head = "".join(f"<th>{name}</th>" for name in ("Item", "State", "Global caption", "By", "When (UTC)"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _button(text: str, call: str, payload: Mapping[str, Any]) -> str:
    return f'<button type="button" data-call="{call}" data-payload="{escape(json.dumps(payload))}">{text}</button>'


def _bar(count: int, total: int) -> str:
    share = 100 * count / max(1, total)
    return f'<span class="plot"><i style="width:{share:.1f}%"></i></span>'


def _when(at: int | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at / 1000)) if at else ""


def _day(text: str) -> int | None:
    if not text:
        return None
    try:
        return int(time.mktime(time.strptime(text, "%Y-%m-%d"))) * 1000
    except ValueError:
        raise InputError("A date is written like 2026-11-21.") from None
