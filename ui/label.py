"""Label: one image at a time, its mask, boxes, points and words corrected, saved or skipped."""

import importlib
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

    def own_index():  # an index of the queue's images, apart from the Retrieve tab's
        return importlib.import_module("core.tclip.index").ImageIndex(services.index().model)

    editor(Desk(services.studio, Models(services.studio, services, own_index)).functions())
