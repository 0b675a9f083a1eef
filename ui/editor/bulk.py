"""Panel for one action on many items: choose, look at what it would do, do it, take it back."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from labeling.bulk import Action
from labeling.fields import QUALITIES
from labeling.studio import SKIP_REASONS, Studio
from ui import access
from ui.editor import markup
from ui.editor.asking import Answer, project_of
from ui.editor.markup import button
from ui.editor.panels import filter_of

# what people choose -> (kind of action, its value; None: what they type)
CHOICES: dict[str, tuple[str, str | None]] = {
    "add the tag": ("tag", None), "take the tag away": ("untag", None), "set the priority": ("priority", None),
    "let the models' doubt set the order": ("order", "uncertainty"),
    "let people's difference from models set the order": ("order", "disagreement"),
    **{f"call the image {quality}": ("quality", quality) for quality in QUALITIES},
    **{f"skip: {reason}": ("skip", reason) for reason in SKIP_REASONS},
    "reopen": ("reopen", None),
}  # fmt: skip


class BulkPanel:
    """What the panel asks for."""

    def __init__(self, studio: Studio):
        self.studio = studio

    def handlers(self) -> list[Callable]:
        """What the script may call."""
        return [self.bulk, self.bulk_preview, self.bulk_apply, self.bulk_undo]

    def bulk(self, asked: Answer, request: gr.Request) -> Answer:
        """Choose what to do with the items that were found."""
        words, _ = filter_of(asked)
        inside = markup.choice("Do this with all of them", "what", {name: name for name in CHOICES})
        inside += markup.entry("Tag or number, where one is needed", "value")
        return {"html": markup.form("bulk_preview", inside, "Show what would change", words) + _back(words)}

    def bulk_preview(self, asked: Answer, request: gr.Request) -> Answer:
        """What the action would do; nothing is changed."""
        words, wanted = filter_of(asked)
        what, value = str(asked.get("what") or ""), str(asked.get("value") or "").strip()[:200]
        preview = self.studio.bulk.preview(access.writer(request), wanted, _action(what, value), project_of(asked))
        payload = {**words, "what": what, "value": value, "expected": preview.changed}
        same = f", {preview.unchanged} stay as they are" if preview.unchanged else ""
        html = f"<p>{_told(what, value)}: {preview.changed} items change{same}.</p>"
        if preview.changed:
            html += f"<p>The first of them:</p>{markup.items_table(preview.sample)}"
            html += button(f"Change {preview.changed} items", "bulk_apply", payload, main=True)
        return {"html": html + _back(words)}

    def bulk_apply(self, asked: Answer, request: gr.Request) -> Answer:
        """Do it, unless the items have changed since the preview."""
        words, wanted = filter_of(asked)
        what, value = str(asked.get("what") or ""), str(asked.get("value") or "").strip()[:200]
        action, expected = _action(what, value), asked.get("expected")
        done = self.studio.bulk.apply(access.writer(request), wanted, action, expected, project_of(asked))  # type: ignore[arg-type]
        html = f"<p>{_told(what, value)}: {done.changed} items changed.</p>{kept(done.kept)}"
        if action.kind not in ("priority", "order"):  # priorities are not in the log
            html += button("Take it back", "bulk_undo", {"batch": done.batch})
        return {"html": html + _back(words)}

    def bulk_undo(self, asked: Answer, request: gr.Request) -> Answer:
        """Take an action back as a whole."""
        done = self.studio.bulk.undo(access.writer(request), str(asked.get("batch") or ""))
        return {"html": f"<p>Taken back on {done.changed} items.</p>{kept(done.kept)}"}


def kept(left: Any) -> str:
    """HTML of the items that an action left as they are, with the reasons."""
    rows = [[markup.link(item), markup.escape(reason)] for item, reason in left[:20]]
    return f"<p>{len(left)} items stay as they are:</p>{markup.table(['Item', 'Why'], rows)}" if left else ""


def _action(what: str, value: str) -> Action:
    kind, fixed = CHOICES.get(what, (what, None))
    if kind == "priority" and value.removeprefix("-").isdecimal():
        return Action(kind, int(value[:12]))
    return Action(kind, fixed if fixed is not None else value)


def _told(what: str, value: str) -> str:
    needs = CHOICES.get(what, ("", ""))[1] is None and what != "reopen"
    return markup.escape(f"{what} {value}" if needs else what).capitalize()


def _back(words: dict[str, str]) -> str:
    return button("Back to the items", "find", words)
