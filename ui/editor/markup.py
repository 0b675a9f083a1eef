"""HTML of the editor's panels. Everything a person wrote is escaped here.

In the page `data-open` opens an item; `data-call` with `data-payload` asks the server for another panel.
"""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from labeling import masks
from labeling.items import View

NAMES = {
    "mask": "Mask", "boxes": "Boxes", "points": "Points", "caption_global": "Global caption",
    "caption_fine": "Fine caption", "questions": "Questions", "tags": "Tags", "quality": "Quality",
    "state": "State", "reason": "Reason",
}  # fmt: skip


def in_words(name: str, value: Any) -> str:
    """A field's value in one line, not escaped."""
    if value in (None, "", []):
        return "nothing"
    if name == "mask":
        return f"{masks.area(value)} px"
    if isinstance(value, list):
        return (", " if isinstance(value[0], int) else "; ").join(in_words("", one) for one in value)
    if isinstance(value, Mapping):
        return " ".join(in_words("", one) for one in value.values() if one not in ("", None))
    return str(value)


def table(head: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; cells are HTML already."""
    titles = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>'


def items_table(items: Iterable[View], scores: Mapping[int, float] | None = None) -> str:
    """Items with links that open them; with how alike they are where that is known."""
    head = ["Item", "State", "Global caption", "By", "When (UTC)", *(["Alike"] if scores else [])]
    return table(head, ([*_cells(item), *([f"{scores[item.id]:.2f}"] if scores else [])] for item in items))


def _cells(item: View) -> list[str]:
    caption = escape(str(item.fields.get("caption_global") or ""))
    return [
        link(item.id, item.name),
        item.state, caption, escape((item.user or "").strip("()")), when(item.at),
    ]  # fmt: skip


def link(item: int, name: str = "") -> str:
    """A link that opens an item."""
    return f'<a href="?item={item}" data-open="{item}">{escape(f"#{item} {name}".strip())}</a>'


def button(text: str, call: str, payload: Mapping[str, Any], main: bool = False) -> str:
    """A button that asks the server for another panel. `text` must be our own."""
    style = ' class="main"' if main else ""
    data = escape(json.dumps(payload))
    return f'<button type="button"{style} data-call="{call}" data-payload="{data}">{text}</button>'


def form(call: str, inside: str, submit: str, payload: Mapping[str, Any] | None = None) -> str:
    """A form that asks the server for another panel; `inside` is HTML already."""
    data = escape(json.dumps(payload or {}))
    send = f'<button type="submit" class="main">{submit}</button>'
    return f'<form data-call="{call}" data-payload="{data}">{inside}{send}</form>'


def entry(title: str, name: str, value: str = "", kind: str = "text", more: str = "") -> str:
    """A labelled input."""
    return f'<label>{title}<input name="{name}" type="{kind}" maxlength="200" value="{escape(value)}" {more}></label>'


def choice(title: str, name: str, options: Mapping[str, str], chosen: str = "") -> str:
    """A labelled list; `options` is value -> words of our own."""
    inside = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{words}</option>'
        for value, words in options.items()
    )
    return f'<label>{title}<select name="{name}">{inside}</select></label>'


def facts(pairs: Mapping[str, str]) -> str:
    """Names with values; values are HTML already."""
    return "<dl>" + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in pairs.items()) + "</dl>"


def bar(count: int, total: int) -> str:
    """A count as a part of all."""
    return f'<span class="plot"><i style="width:{100 * count / max(1, total):.1f}%"></i></span> {count}'


def columns(title: str, counts: Sequence[tuple[str, int]]) -> str:
    """A column chart: (name, count) each, the largest as high as the chart."""
    top, wide = max(count for _, count in counts), 100 / len(counts)
    if not top:
        return f"<figure><figcaption>{title}</figcaption><small>None yet.</small></figure>"
    bars = "".join(
        f'<rect x="{wide * at + 0.15 * wide:.2f}" y="{40 - 40 * count / top:.2f}" width="{0.7 * wide:.2f}"'
        f' height="{40 * count / top:.2f}"><title>{escape(name)}: {count}</title></rect>'
        for at, (name, count) in enumerate(counts)
    )
    ends = f"{escape(counts[0][0])} to {escape(counts[-1][0])}, highest {top}"
    return (
        f'<figure><figcaption>{title}</figcaption><svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img"'
        f' aria-label="{title}">{bars}</svg><small>{ends}</small></figure>'
    )


def when(at: int | None) -> str:
    """Unix milliseconds as date and time, UTC."""
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(at / 1000)) if at else ""


def share(value: float | None) -> str:
    """A figure from 0 to 1, or that it isn't known yet."""
    return "not yet" if value is None else f"{value:.2f}"
