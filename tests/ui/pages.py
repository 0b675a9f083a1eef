"""A tab without a browser: its components and handlers."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from tests.ui import fakes
from ui.services import Services


def fake_services(data: Path, **replaced: Any) -> Services:
    """Services with fake models and no labeling studio."""
    index, segmenter, chat = fakes.FakeIndex(), fakes.FakeSegmenter(), fakes.FakeChat()
    values = {
        "segmenter": lambda: segmenter,
        "index": lambda: index,
        "chat": lambda: chat,
        "studio": None,
        "manifest": {"models": {}},
        "data": data,
    }
    return Services(**{**values, **replaced})


def handlers(tab: ModuleType, services: Services) -> dict[str, Callable]:
    """Name -> handler of every event of a tab."""
    with gr.Blocks() as page:
        tab.build(services)
    return {function.name: function.fn for function in page.fns.values() if function.fn}


def last(updates: Any) -> Any:
    """What a streaming handler leaves on the page."""
    *_, final = updates
    return final
