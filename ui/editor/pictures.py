"""Infrared images as the editor takes them: measured values in whole steps, not a picture of them."""

import base64
import zlib
from typing import Any

import numpy as np

from core.thermal import ThermalImage

USUAL = (0.5, 99.5)  # percentiles of the first window, as ThermalImage.view8


def pack(image: ThermalImage) -> dict[str, Any]:
    """The pixels as zlib-packed integers of 8 or 16 bits; value = offset + scale * stored, in the image's unit.

    8- and 16-bit counts travel exactly. Degrees and floats travel in 65,535 equal steps of their range. `window` is
    what to show first, in stored steps.
    """
    pixels = image.pixels.astype(np.float64)  # (H, W)
    low, high = float(pixels.min()), float(pixels.max())
    scale, offset, bits = 1.0, 0.0, 16
    if low >= 0 and high <= 0xFFFF and image.unit == "counts" and np.array_equal(pixels, np.rint(pixels)):
        bits = 8 if image.bit_depth <= 8 and high <= 0xFF else 16
    else:
        scale, offset = (high - low) / 0xFFFF or 1.0, low
    stored = np.rint((pixels - offset) / scale).astype("<u2" if bits == 16 else "u1")
    return {
        "width": image.width,
        "height": image.height,
        "bits": bits,
        "scale": scale,
        "offset": offset,
        "unit": image.unit,
        "window": _window(stored) if bits == 16 else [0, 255],
        "data": base64.b64encode(zlib.compress(stored.tobytes(), 1)).decode(),
    }


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """float64 (H, W) in the image's unit: what the page makes of `pack`."""
    stored = np.frombuffer(zlib.decompress(base64.b64decode(packed["data"])), "<u2" if packed["bits"] == 16 else "u1")
    return packed["offset"] + packed["scale"] * stored.reshape(packed["height"], packed["width"]).astype(np.float64)


def facts(image: ThermalImage) -> str:
    """Size, bit depth and range in words."""
    low, high = float(image.pixels.min()), float(image.pixels.max())
    span = f"counts {low:,.0f} to {high:,.0f}"
    if image.unit != "counts":
        span = f"{low:.1f} to {high:.1f} {'°C' if image.unit == 'celsius' else 'K'}"
    return f"{image.width} × {image.height} px, {image.bit_depth}-bit, {span}"


def _window(stored: np.ndarray) -> list[float]:
    low, high = (float(value) for value in np.percentile(stored, USUAL))
    if high <= low:
        low, high = float(stored.min()), float(stored.max())
    return [low, max(high, low + 1)]
