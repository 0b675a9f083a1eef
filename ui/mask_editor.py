"""A canvas on which single pixels of a mask are painted. Integers travel between page and server, never a picture."""

import base64
import json
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from core.palettes import PALETTES, colorize, png_bytes

_HERE = Path(__file__).parent


def mask_editor() -> gr.HTML:
    """The editor, blank. Its value is what `show` gave it, with `runs` as painted; Ctrl+Enter is its submit event."""
    steps = np.arange(256, dtype=np.uint8)[None]  # (1, 256)
    tables = {name: colorize(steps, name).ravel().tolist() for name in PALETTES}
    return gr.HTML(
        value=None,
        html_template=_read("html"),
        css_template=_read("css"),
        js_on_load=f"const PALETTES = {json.dumps(tables)};\n{_read('js')}",
        apply_default_css=False,
        elem_id="mask-editor",
        image="",
    )


def show(view8: np.ndarray, mask: dict[str, Any], **token: Any) -> Any:
    """Update that opens an image, uint8 (H, W), with a mask as runs. `token` (with a `key`) comes back in the value."""
    return gr.update(value={**token, **mask}, image=data_uri(view8))


def blank() -> Any:
    """Update that empties the editor."""
    return gr.update(value=None, image="")


def data_uri(picture: np.ndarray) -> str:
    """An exact PNG of a uint8 (H, W) or (H, W, 3) array for an `img` element."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(picture)).decode()


def _read(suffix: str) -> str:
    return (_HERE / f"mask_editor.{suffix}").read_text(encoding="utf-8")
