"""False colour for infrared images, and the drawings over them: masks, outlines, boxes. PNG out, exact."""

import io
from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image, ImageColor, ImageDraw, ImageFont
from scipy import ndimage

# Equally spaced control colours, dark to bright; linear between them. Ironbow is this project's own;
# inferno is matplotlib's (CC0), sampled at 16 points: at most 7/255 from the original.
_CONTROLS = {
    "white-hot": "000000 ffffff",
    "black-hot": "ffffff 000000",
    "ironbow": "000008 1c0063 4f0091 850099 b30f86 d6335c ec5e2b f88c0b fdb816 ffe04f fffbd6",
    "inferno": (
        "000004 0c0826 240c4f 420a68 5d126e 781c6d 932667 ae305c "
        "c73e4c dd513a ed6925 f8850f fca50a fac62d f2e661 fcffa4"
    ),
}
PALETTES = tuple(_CONTROLS)
TARGET_COLOUR = "#22d3ee"  # cyan: in none of the palettes


def _table(controls: str) -> np.ndarray:
    colours = np.array([ImageColor.getrgb(f"#{colour}") for colour in controls.split()], np.float64)
    at = np.linspace(0, len(colours) - 1, 256)
    channels = [np.interp(at, np.arange(len(colours)), colours[:, channel]) for channel in range(3)]
    return np.rint(np.stack(channels, axis=1)).astype(np.uint8)


_TABLES = {name: _table(controls) for name, controls in _CONTROLS.items()}


def colorize(view8: np.ndarray, palette: str = "white-hot") -> np.ndarray:
    """uint8 (H, W) -> uint8 (H, W, 3). Raises KeyError for a palette that is not in PALETTES."""
    return _TABLES[palette][view8]


def overlay(view_rgb: np.ndarray, mask: np.ndarray, colour: str = TARGET_COLOUR, alpha: float = 0.35) -> np.ndarray:
    """uint8 (H, W, 3) with bool (H, W) tinted and outlined.

    The outline is 1 px wide and runs just outside the mask, so that a target of one pixel stays visible.
    """
    rgb = np.array(ImageColor.getrgb(colour), np.float64)
    drawn = view_rgb.copy()
    drawn[mask] = np.rint((1 - alpha) * view_rgb[mask] + alpha * rgb).astype(np.uint8)
    drawn[ndimage.binary_dilation(mask, np.ones((3, 3), bool)) & ~mask] = rgb.astype(np.uint8)
    return drawn


def draw_boxes(
    rgb: np.ndarray, boxes: Iterable[Sequence[float]], labels: Iterable[str] = (), colour: str = TARGET_COLOUR
) -> np.ndarray:
    """uint8 (H, W, 3) with (x1, y1, x2, y2) pixel boxes drawn, each with its label where one is given.

    Boxes are clipped to the image; corners may come in any order.
    """
    height, width = rgb.shape[:2]
    image = Image.fromarray(rgb)
    draw = ImageDraw.Draw(image)
    labels = list(labels)
    font = ImageFont.load_default(max(10.0, min(height, width) / 26))
    for number, (x1, y1, x2, y2) in enumerate(boxes):
        left, right = np.clip(sorted((x1, x2)), 0, width - 1)
        top, bottom = np.clip(sorted((y1, y2)), 0, height - 1)
        draw.rectangle((left, top, right, bottom), outline=colour, width=max(1, round(min(width, height) / 256)))
        if number < len(labels) and labels[number]:
            x1, y1, x2, y2 = draw.textbbox((left, top), labels[number], anchor="lb", font=font)
            corner = (max(0, min(left, left + width - x2)), max(top, top - y1))  # inside where it would leave the image
            draw.rectangle(draw.textbbox(corner, labels[number], anchor="lb", font=font), fill=colour)
            draw.text(corner, labels[number], fill="black", anchor="lb", font=font)
    return np.asarray(image)


def png_bytes(array: np.ndarray) -> bytes:
    """uint8 (H, W) or (H, W, 3), uint16 (H, W), or bool (H, W) as 0 and 255 -> an exact PNG file."""
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(array)).save(out, "PNG")
    return out.getvalue()
