"""A tab's content is brought up to date when a person comes to it, not when the page is built."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.context import get_render_context

from ui.events import CHEAP


def on_enter(handler: Callable, inputs: Any, outputs: Any) -> None:
    """Run `handler` whenever the tab that is being built is opened; on a page without tabs, when the page loads."""
    tab = get_render_context()
    while tab is not None and not isinstance(tab, gr.Tab):
        tab = tab.parent
    triggers = [tab.select] if tab is not None else None
    gr.on(triggers, handler, inputs, outputs, show_progress="hidden", **CHEAP)
