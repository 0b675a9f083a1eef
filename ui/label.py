"""Label: one image at a time, its mask, boxes, points and words corrected, saved or skipped."""

from html import escape

import gradio as gr

from labeling.items import Progress
from ui import access
from ui.editor.component import editor
from ui.editor.desk import Desk
from ui.services import Services


def build(services: Services) -> None:
    """The tab's components and events."""
    access.login()
    if reason := access.notice():
        gr.HTML(f'<div class="facts"><span>{escape(reason)}</span></div>')
    editor(Desk(services.studio).functions())


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
