"""Masks as integers: row-major runs of set pixels, the form in which a mask travels and is stored.

`{"size": [W, H], "runs": [start, length, start, length, ...]}`: `start` counts pixels from the top left corner along
the rows (y * W + x). Runs are maximal and ascending, so one mask has exactly one form.
"""

import io
from typing import Any

import numpy as np
from PIL import Image

from core.errors import InputError

MAX_PIXELS = 25_000_000


def encode(mask: np.ndarray) -> dict[str, Any]:
    """A bool (H, W) array as runs."""
    if mask.dtype != np.bool_ or mask.ndim != 2:
        raise TypeError(f"a mask is a bool array of two axes, not {mask.dtype} of {mask.ndim}")
    edges = np.flatnonzero(np.diff(mask.ravel(), prepend=False, append=False))  # starts and ends in turn
    starts, ends = edges[::2], edges[1::2]
    return {"size": [mask.shape[1], mask.shape[0]], "runs": np.stack([starts, ends - starts], axis=1).ravel().tolist()}


def decode(payload: Any, width: int, height: int) -> np.ndarray:
    """Runs as a bool (H, W) array. Raises InputError for anything but the one valid form of a mask of this size."""
    runs = validate(payload, width, height)
    delta = np.zeros(width * height + 1, np.int8)
    delta[runs[:, 0]] = 1
    delta[runs.sum(axis=1)] -= 1
    return np.cumsum(delta[:-1], dtype=np.int8).astype(bool).reshape(height, width)


def validate(payload: Any, width: int, height: int) -> np.ndarray:
    """The runs of a valid payload as an int64 (N, 2) array of (start, length)."""
    if not isinstance(payload, dict) or payload.keys() != {"size", "runs"}:
        raise InputError('a mask is an object {"size": [W, H], "runs": [start, length, ...]}')
    if width * height > MAX_PIXELS:
        raise InputError(f"a mask may have {MAX_PIXELS:,} pixels at most")
    size, flat = payload["size"], payload["runs"]
    if not _integers(size) or size != [width, height]:
        raise InputError(f"the mask's size {size!r} is not the image's, which is [{width}, {height}]: reload the item")
    if not _integers(flat) or len(flat) % 2:
        raise InputError("the runs of a mask are integers in pairs of start and length")
    if any(not 0 <= number <= width * height for number in flat):
        raise InputError("a run of the mask lies outside the image")
    runs = np.array(flat, np.int64).reshape(-1, 2)
    ends = runs.sum(axis=1)
    if (runs[:, 1] < 1).any() or (runs[1:, 0] <= ends[:-1]).any():
        raise InputError("the runs of a mask ascend, don't touch each other and are a pixel long or more")
    if ends.size and ends[-1] > width * height:
        raise InputError("a run of the mask lies outside the image")
    return runs


def area(payload: dict[str, Any]) -> int:
    """The number of set pixels."""
    return sum(payload["runs"][1::2])


def to_png(mask: np.ndarray) -> bytes:
    """An 8-bit PNG, 255 where the mask is set. The same mask gives the same bytes."""
    buffer = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def _integers(values: Any) -> bool:
    return isinstance(values, list) and all(type(value) is int for value in values)
