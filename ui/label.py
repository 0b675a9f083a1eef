"""Label: one image at a time, its mask and captions corrected, saved or skipped."""

import uuid
from collections.abc import Mapping
from html import escape
from typing import Any

import gradio as gr
import numpy as np

from core.errors import InputError
from core.palettes import colorize, overlay
from core.thermal import read_thermal
from labeling import masks
from labeling.fields import TEXT_LIMIT
from labeling.items import Conflict, Progress, View
from labeling.studio import SKIP_REASONS
from ui import access, images, mask_editor, theme
from ui.entering import on_enter
from ui.events import CHEAP, guarded
from ui.services import Services

ALL_DONE = theme.empty("Nothing left to refine", "Import images in the Data tab, or go back to your last item below.")
TAGS = ["small target", "multiple targets", "clutter", "cloud", "sea", "ground", "aerial", "noise", "uncertain"]


def build(services: Services) -> None:
    """The tab's components and events."""
    studio = services.studio
    access.login()
    if reason := access.notice():
        gr.HTML(f'<div class="facts"><span>{escape(reason)}</span></div>')
    progress = gr.HTML(elem_id="label-progress")
    done = gr.HTML(ALL_DONE, visible=False)
    with gr.Column(visible=False, elem_id="label-conflict") as clash:
        with gr.Row():
            theirs = gr.Button("Take theirs", size="md")
            mine = gr.Button("Keep mine: save over theirs", variant="primary", size="md")
        versions = gr.HTML(apply_default_css=False)
    with gr.Row(visible=False) as work:
        with gr.Column(scale=3, min_width=320):
            editor = mask_editor.mask_editor()
        with gr.Column(scale=2, min_width=300):
            facts = gr.HTML()
            broad = gr.Textbox(
                label="Global caption", info="The whole scene in one sentence", lines=2, max_lines=6,
                max_length=TEXT_LIMIT, elem_id="label-global",
            )  # fmt: skip
            fine = gr.Textbox(
                label="Fine caption", info="Each target: what, where, how it stands out", lines=3, max_lines=10,
                max_length=TEXT_LIMIT, elem_id="label-fine",
            )  # fmt: skip
            tags = gr.Dropdown(TAGS, label="Tags (optional)", multiselect=True, allow_custom_value=True)
            save = gr.Button("Save and next  (Ctrl+Enter)", variant="primary", elem_id="label-save")
            with gr.Row():
                reason_choice = gr.Dropdown(list(SKIP_REASONS), value=None, label="Why skip?", scale=2, min_width=150)
                skip = gr.Button("Skip", scale=1, min_width=100, elem_id="label-skip")
    with gr.Row():
        previous = gr.Button("Back to my last item", size="md", min_width=140)
        undo = gr.Button("Undo my last save", size="md", min_width=140)
        following = gr.Button("Next in the queue", size="md", min_width=140)

    form = [editor, broad, fine, tags]
    compared = gr.State(0)  # the version that the person sees beside their own
    shown = [progress, done, work, clash, versions, compared, facts, *form]

    def open_item(view: View | None, note: str = "") -> tuple:
        """Updates of `shown` that put an item on the desk, or the empty state."""
        line = progress_line(studio.progress(), note)
        closed = gr.update(visible=False)
        if view is None:
            return line, gr.update(visible=True), closed, closed, "", 0, "", mask_editor.blank(), "", "", []
        image = read_thermal(studio.image(view), view.name)
        fields = view.fields
        mask = fields.get("mask") or {"size": [view.width, view.height], "runs": []}
        token = {"item": view.id, "version": view.version, "key": uuid.uuid4().hex}
        texts = fields.get("caption_global", ""), fields.get("caption_fine", ""), fields.get("tags", [])
        desk = images.facts(image), mask_editor.show(image.view8(), mask, **token), *texts
        return line, closed, gr.update(visible=True), closed, "", 0, *desk

    @guarded
    def on_open(value: Any):
        """Entering the tab leaves work that has begun alone."""
        if isinstance(value, dict) and value.get("item"):
            return gr.skip()
        return open_item(studio.next_item())

    def keep(request: gr.Request, value: Any, version: int | None, broad: str, fine: str, tags: list[str]) -> tuple:
        """Save what is on the desk over `version`, by default the one it was opened at."""
        user = access.writer(request)
        item, seen, key, mask = opened(value)
        fields = {"caption_global": broad or "", "caption_fine": fine or "", "tags": tags or [], "mask": mask}
        try:
            saved = studio.save(user, item, seen if version is None else version, fields, key)
        except Conflict as conflict:
            return conflicting(conflict.theirs, str(conflict), fields)
        return open_item(studio.next_item(), f"Saved {saved.name}, version {saved.version}.")

    def conflicting(theirs: View, sentence: str, mine: dict[str, Any]) -> tuple:
        image = read_thermal(studio.image(theirs), theirs.name)
        both = versions_side_by_side(sentence, image.view8(), theirs, mine)
        return *[gr.skip()] * 3, gr.update(visible=True), both, theirs.version, *[gr.skip()] * 5

    @guarded
    def on_save(value: Any, broad: str, fine: str, tags: list[str], request: gr.Request):
        return keep(request, value, None, broad, fine, tags)

    @guarded
    def on_mine(compared: int, value: Any, broad: str, fine: str, tags: list[str], request: gr.Request):
        return keep(request, value, compared, broad, fine, tags)

    @guarded
    def on_skip(value: Any, why: str | None, request: gr.Request):
        user = access.writer(request)
        item, version, key, mask = opened(value)
        try:
            skipped = studio.skip(user, item, version, why or "", key)
        except Conflict as conflict:
            return conflicting(conflict.theirs, str(conflict), {"mask": mask})
        return open_item(studio.next_item(), f"Skipped {skipped.name}.")

    @guarded
    def on_theirs(value: Any):
        return open_item(studio.item(opened(value)[0]))

    @guarded
    def on_previous(request: gr.Request):
        view = studio.last_of(access.writer(request))
        if view is None:
            raise InputError("You haven't saved or skipped an item yet.")
        return open_item(view)

    @guarded
    def on_undo(request: gr.Request):
        view = studio.undo(access.writer(request))
        return open_item(view, f"Taken back: {view.name} is as it was before.")

    @guarded
    def on_next():
        return open_item(studio.next_item())

    hidden = {"show_progress": "hidden", **CHEAP}
    on_enter(on_open, editor, shown)
    gr.on([save.click, editor.submit], on_save, form, shown, trigger_mode="once", **hidden)
    skip.click(on_skip, [editor, reason_choice], shown, trigger_mode="once", **hidden)
    theirs.click(on_theirs, editor, shown, **hidden)
    mine.click(on_mine, [compared, *form], shown, trigger_mode="once", **hidden)
    previous.click(on_previous, None, shown, **hidden)
    undo.click(on_undo, None, shown, trigger_mode="once", **hidden)
    following.click(on_next, None, shown, **hidden)


def opened(value: Any) -> tuple[int, int, str, dict[str, Any]]:
    """(item, version, key, mask) from the editor's value, which comes from the page and is checked by the studio."""
    if not isinstance(value, dict) or not value.get("item"):
        raise InputError("No item is open: press Next in the queue.")
    mask = {"size": value.get("size"), "runs": value.get("runs")}
    return value["item"], value.get("version", -1), value.get("key", ""), mask


def progress_line(progress: Progress, note: str = "") -> str:
    """HTML: a bar of how much is done, the figures, and what just happened."""
    finished = progress.refined + progress.skipped
    share = 100 * finished / progress.total if progress.total else 0
    words = [f"{progress.refined} refined", f"{progress.skipped} skipped", f"{progress.drafts} to go"]
    items = "".join(f"<span>{escape(word)}</span>" for word in [*([note] if note else []), *words])
    rail = "height:6px;border-radius:6px;overflow:hidden;background:var(--border-color-primary);margin:4px 0 8px"
    bar = f'<div style="width:{share:.1f}%;height:100%;background:var(--heat,#f2711c)"></div>'
    aria = (
        f'role="progressbar" aria-label="Items done" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share:.0f}"'
    )
    return f'<div {aria} style="{rail}">{bar}</div><div class="facts" role="status">{items}</div>'


def versions_side_by_side(sentence: str, view8: np.ndarray, theirs: View, mine: dict[str, Any]) -> str:
    """HTML of two versions of one item: mask over image, captions, tags. All text escaped."""
    names = f"Theirs: {theirs.user}, version {theirs.version}", "Yours, not saved"
    columns = "".join(
        f'<div style="flex:1 1 260px;min-width:0"><h4>{escape(name)}</h4>{_version(view8, fields)}</div>'
        for name, fields in zip(names, (theirs.fields, mine), strict=True)
    )
    return (
        f'<div class="model-card" role="alert"><p><strong>{escape(sentence)}</strong></p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:16px">{columns}</div></div>'
    )


def _version(view8: np.ndarray, fields: Mapping[str, Any]) -> str:
    height, width = view8.shape
    mask = masks.decode(fields.get("mask") or {"size": [width, height], "runs": []}, width, height)
    picture = mask_editor.data_uri(overlay(colorize(view8, "ironbow"), mask))
    facts = {
        "Global caption": fields.get("caption_global"),
        "Fine caption": fields.get("caption_fine"),
        "Tags": ", ".join(fields.get("tags", [])),
        "Mask": f"{int(mask.sum())} px",
    }
    lines = "".join(f"<dt>{name}</dt><dd>{escape(text or '—')}</dd>" for name, text in facts.items())
    return f'<img alt="" src="{picture}" style="width:100%;image-rendering:pixelated"><dl>{lines}</dl>'
