"""Infrared images on the page: drop zone, example strip, palettes, facts. Files in, exact PNG out.

Uploads stay files: Gradio's own image widgets would turn 16-bit pixels into white.
"""

import atexit
import functools
import hashlib
import html
import tempfile
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from core.errors import InputError
from core.palettes import PALETTES, colorize, png_bytes
from core.thermal import ThermalImage, read_thermal

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
FILE_TYPES = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp"]
READY_AGAIN: dict[str, Any] = {
    "fn": None,
    "js": "() => null",
}  # last listener of a drop zone: empties it, its file being taken
DISPLAY_SIDE = 1024  # small images are enlarged by whole pixels to about this side

_downloads = tempfile.TemporaryDirectory(prefix="infrared-studio-")
atexit.register(_downloads.cleanup)


@functools.cache
def examples() -> tuple[Path, ...]:
    """The bundled example images, by name."""
    return tuple(sorted(path for path in EXAMPLES.glob("*") if path.suffix in FILE_TYPES))


def drop_zone(label: str = "Infrared image (PNG, TIFF or JPEG, 8 or 16 bits)") -> gr.File:
    """Drop or pick one file; handlers get its path."""
    return gr.File(label=label, file_types=FILE_TYPES, height=132, elem_classes="drop-zone")


def picture() -> gr.Image:
    """Shows PNG files unchanged."""
    return gr.Image(
        format="png",
        type="filepath",
        interactive=False,
        show_label=False,
        buttons=["fullscreen"],
        elem_classes="picture",
    )


def palette_choice() -> gr.Radio:
    return gr.Radio(list(PALETTES), value="ironbow", label="Palette", elem_classes="palette")


def example_strip() -> gr.Gallery:
    """Thumbnails of the examples; `picked(event)` gives the path of the one that was clicked."""
    return gr.Gallery(
        [(thumbnail(path), caption(path.name)) for path in examples()],
        label="Or try an example",
        format="png",
        columns=4,
        height="auto",
        allow_preview=False,
        object_fit="cover",
        interactive=False,
        buttons=[],
        elem_classes="example-strip",
    )


def picked(event: gr.SelectData) -> Path:
    return examples()[event.index]


def uploaded(path: str | None) -> ThermalImage:
    """The image of an upload event. Raises InputError, also when there is no file."""
    if not path:
        raise InputError("No image arrived: drop one on the upload area or pick an example.")
    return read_thermal(path)


def caption(name: str) -> str:
    return Path(name).stem.replace("_", " ").replace("-", " ")


@functools.lru_cache(maxsize=512)
def thumbnail(path: Path, palette: str = "ironbow", side: int = 224) -> str:
    """PNG file of at most `side` pixels a side, in the palette."""
    image = read_thermal(path)
    step = max(1, -(-max(image.size) // side))
    height, width = image.height // step * step, image.width // step * step
    blocks = image.view8()[:height, :width].reshape(height // step, step, width // step, step)
    return png_file(colorize(blocks.mean((1, 3)).astype(np.uint8), palette), f"{path.stem}.png")


def enlarged(view: np.ndarray) -> np.ndarray:
    """uint8 or bool (H, W, ...) repeated by whole pixels until its longer side is about DISPLAY_SIDE."""
    times = max(1, round(DISPLAY_SIDE / max(view.shape[:2])))
    return view.repeat(times, axis=0).repeat(times, axis=1)


def download(data: bytes, name: str) -> str:
    """Path of a file with these bytes, to hand to a download button. `name` must be safe in paths."""
    folder = Path(_downloads.name) / hashlib.sha256(data).hexdigest()[:16]
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return str(folder / name)


def png_file(array: np.ndarray, name: str) -> str:
    """An exact PNG as a file."""
    return download(png_bytes(array), name)


def facts(image: ThermalImage) -> str:
    """HTML line: name, size, bit depth, range with its unit."""
    low, high = float(image.pixels.min()), float(image.pixels.max())
    if image.unit == "counts":
        span = f"raw counts {low:,.0f} to {high:,.0f}"
    else:
        span = f"{low:.1f} to {high:.1f} {'°C' if image.unit == 'celsius' else 'K'}"
    items = [image.name, f"{image.width} × {image.height} px", f"{image.bit_depth}-bit", span]
    return '<div class="facts">' + "".join(f"<span>{html.escape(item)}</span>" for item in items) + "</div>"
