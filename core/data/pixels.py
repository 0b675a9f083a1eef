"""What a caption may say of an image's pixels: contrast and outline of objects, the frame's level, texture and ends.

Gray levels are those of the 8-bit view (0-255). Temperature is told of radiometric images only; most are uncalibrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

import numpy as np

from core.data.objects import cell_name
from core.data.records import Box
from core.thermal import ThermalImage

SMALL = 32  # pixels on the longer side


@dataclass(frozen=True, eq=False)
class View:
    """An image as captions see it. `gray`: (H, W) float32, 0-255; `celsius`: as large, None if not radiometric."""

    gray: np.ndarray
    celsius: np.ndarray | None = None

    @classmethod
    def of(cls, image: ThermalImage) -> "View":
        shift = {"celsius": 0.0, "kelvin": -273.15}.get(image.unit)
        return cls(image.view8().astype(np.float32), None if shift is None else image.pixels + np.float32(shift))

    def contrasts(self, boxes: Sequence[Box]) -> list[float]:
        """`contrast` of each box in gray levels, measured once."""
        for box in boxes:
            if box not in self._measured:
                self._measured[box] = contrast(self.gray, box)
        return [self._measured[box] for box in boxes]

    @cached_property
    def _measured(self) -> dict[Box, float]:
        return {}

    @cached_property
    def ends(self) -> tuple[str, str]:
        """The brightest and the darkest ninth; see `extremes`."""
        return extremes(self.gray)

    @cached_property
    def look(self) -> str:
        """ "dark and lightly textured"."""
        return look_words(self.gray)


def contrast(view: np.ndarray, box: Box) -> float:
    """Gray levels by which an object differs from its surround: the box and half as much around it, at least 3 pixels.

    Of a small object the part that differs most counts (percentile 2 or 98 against the surround's median), as its box
    holds more background than object and may lie beside it; of others the mean of the box against that of the ring.
    `view`: (H, W), 0-255. 0 where there is no ring.
    """
    height, width = view.shape
    x1, y1, x2, y2 = (round(v) for v in box.xyxy)
    x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    x2, y2 = min(max(x2, x1 + 1), width), min(max(y2, y1 + 1), height)
    dx, dy = max(3, (x2 - x1) // 2), max(3, (y2 - y1) // 2)
    inside, around = view[y1:y2, x1:x2], view[max(0, y1 - dy) : y2 + dy, max(0, x1 - dx) : x2 + dx]
    ring = around.size - inside.size
    if not ring:
        return 0.0
    if max(inside.shape) > SMALL:
        return float(inside.mean() - (around.sum() - inside.sum()) / ring)
    own, whole = np.sort(inside, axis=None), np.sort(around, axis=None)
    tail, level = len(own) // 50, float(whole[len(whole) // 2])
    return max(float(own[tail]) - level, float(own[-1 - tail]) - level, key=abs)


def contrast_words(levels: Sequence[float]) -> str:
    """ "clearly brighter than the surround by 41 gray levels", for the contrasts of one category's objects."""
    if len(levels) > 1 and min(levels) < -8 and max(levels) > 8:
        bright = sum(level > 0 for level in levels)
        return f"mixed, {bright} brighter and {len(levels) - bright} darker than the surround"
    middle = median(levels)
    if abs(middle) < 4:
        return "about as bright as the surround"
    degree = _word(abs(middle), ((12, "slightly "), (35, ""), (70, "clearly "), (256, "far ")))
    return f"{degree}{'brighter' if middle > 0 else 'darker'} than the surround by {abs(middle):.0f} gray levels"


def steepness(view: np.ndarray, box: Box) -> float:
    """How sharp an outline is: the largest step between neighbouring pixels in and at the box, in gray levels.

    `view`: (H, W), 0-255.
    """
    height, width = view.shape
    x1, y1, x2, y2 = (round(v) for v in box.xyxy)
    part = view[max(0, y1 - 2) : min(height, y2 + 2), max(0, x1 - 2) : min(width, x2 + 2)]
    return max((float(np.abs(np.diff(part, axis=axis)).max(initial=0.0)) for axis in (0, 1)), default=0.0)


def outline_words(steps: Sequence[float]) -> str:
    """ "sharp outlines", for the steepness of one category's objects."""
    degree = _word(median(steps), ((15, "soft"), (40, "clear"), (256, "sharp")))
    return f"{'a ' if len(steps) == 1 else ''}{degree} outline{'' if len(steps) == 1 else 's'}"


def look_words(view: np.ndarray) -> str:
    """ "mid-gray and even": level and texture of the frame as a whole."""
    level = _word(view.mean(), ((60, "dark"), (110, "rather dark"), (160, "mid-gray"), (256, "bright")))
    steps = float(np.abs(np.diff(view[::4], axis=1)).mean()) if view.shape[1] > 1 else 0.0  # from pixel to pixel
    texture = _word(steps, ((2, "even"), (5, "lightly textured"), (256, "strongly textured")))
    return f"{level} and {texture}"


def end_words(ends: tuple[str, str], most: str = "brightest", least: str = "darkest") -> str:
    """ "brightest toward the right and darkest toward the top"."""
    bright, dark = ends
    return f"{most} toward the {bright} and {least} toward the {dark}" if bright else "equally bright all over"


def extremes(view: np.ndarray) -> tuple[str, str]:
    """Names of the brightest and darkest ninth of the frame; two empty ones when they differ by under 8 gray levels."""
    if min(view.shape) < 3:
        return "", ""
    edges = [np.arange(3) * n // 3 for n in view.shape]
    sums = np.add.reduceat(np.add.reduceat(view, edges[0], axis=0), edges[1], axis=1)
    means = sums / np.outer(*(np.diff(own, append=n) for own, n in zip(edges, view.shape, strict=True)))
    if np.ptp(means) < 8:
        return "", ""
    (bright_row, bright_column), (dark_row, dark_column) = (divmod(int(i), 3) for i in (means.argmax(), means.argmin()))
    return cell_name(bright_column, bright_row), cell_name(dark_column, dark_row)


def _word(value: float, steps: Sequence[tuple[float, str]]) -> str:
    return next((word for limit, word in steps if value < limit), steps[-1][1])
