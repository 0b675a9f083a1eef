"""Label: one image at a time, its mask, boxes, points and words corrected, saved or skipped."""

from html import escape

import gradio as gr

from ui import access
from ui.editor.component import editor
from ui.editor.desk import Desk
from ui.editor.models import Models
from ui.services import Services


def build(services: Services) -> None:
    """The tab's components and events."""
    access.login()
    if reason := access.notice():
        gr.HTML(f'<div class="facts"><span>{escape(reason)}</span></div>')
    editor(Desk(services.studio, Models(services.studio, services)).functions())
