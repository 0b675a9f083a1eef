"""The editor on the page: gr.HTML with our own JavaScript, joined from small files. No build step, no framework."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr
import numpy as np

from core.palettes import PALETTES, colorize
from labeling.fields import QUALITIES
from labeling.studio import SKIP_REASONS

TAGS = ("small target", "multiple targets", "clutter", "cloud", "sea", "ground", "aerial", "noise", "uncertain")
SCRIPTS = (
    "pixels",
    "picture",
    "view",
    "hands",
    "words",
    "outbox",
    "form",
    "versions",
    "desk",
    "controls",
)  # in this order
_HERE = Path(__file__).parent


def editor(server_functions: Sequence[Callable]) -> gr.HTML:
    """The whole desk of a refiner; its script calls `server_functions` by their names with one object each."""
    choices = {"reasons": SKIP_REASONS, "qualities": QUALITIES, "tags": TAGS}
    given = f"const PALETTES = {json.dumps(_palettes())};\nconst CHOICES = {json.dumps(choices)};\n"
    return gr.HTML(
        html_template=_read("index.html"),
        css_template=_read("style.css"),
        js_on_load=given + script(),
        apply_default_css=False,
        elem_id="label-editor",
        server_functions=list(server_functions),
    )


def script(names: Sequence[str] = SCRIPTS) -> str:
    """The JavaScript of these parts, in order."""
    return "\n".join(_read(f"{name}.js") for name in names)


def _palettes() -> dict[str, list[int]]:
    """Name -> 768 numbers, red, green and blue of 256 steps from dark to bright."""
    steps = np.arange(256, dtype=np.uint8)[None]  # (1, 256)
    return {name: colorize(steps, name).ravel().tolist() for name in PALETTES}


def _read(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")
