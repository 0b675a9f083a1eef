"""What a caption may say of an image's pixels: contrast of objects, level and texture of the frame, its extremes.

Gray levels are those of the 8-bit view (0-255). Brightness is told, never temperature: most sources are uncalibrated.
"""

from collections.abc import Sequence

import numpy as np

from core.data.objects import cell_name
from core.data.records import Box


def contrast(view: np.ndarray, box: Box) -> float:
    """Gray levels by which the box's mean differs from the ring around it, half the box wide but at least 3 pixels.

    `view`: (H, W), 0-255. 0 where there is no ring.
    """
    height, width = view.shape
    x1, y1, x2, y2 = (round(v) for v in box.xyxy)
    x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    x2, y2 = min(max(x2, x1 + 1), width), min(max(y2, y1 + 1), height)
    dx, dy = max(3, (x2 - x1) // 2), max(3, (y2 - y1) // 2)
    inside, around = view[y1:y2, x1:x2], view[max(0, y1 - dy) : y2 + dy, max(0, x1 - dx) : x2 + dx]
    ring = around.size - inside.size
    return float(inside.mean() - (around.sum() - inside.sum()) / ring) if ring else 0.0


def contrast_words(levels: Sequence[float]) -> str:
    """ "clearly brighter than the surround by 41 gray levels", for the contrasts of one category's objects."""
    if len(levels) > 1 and min(levels) < -8 and max(levels) > 8:
        bright = sum(level > 0 for level in levels)
        return f"mixed, {bright} brighter and {len(levels) - bright} darker than the surround"
    middle = float(np.median(levels))
    if abs(middle) < 4:
        return "about as bright as the surround"
    degree = _word(abs(middle), ((12, "slightly "), (35, ""), (70, "clearly "), (256, "far ")))
    return f"{degree}{'brighter' if middle > 0 else 'darker'} than the surround by {abs(middle):.0f} gray levels"


def frame_words(view: np.ndarray) -> str:
    """ "mid-gray and even, brightest toward the right and darkest toward the top": the frame as a whole."""
    level = _word(view.mean(), ((60, "dark"), (110, "rather dark"), (160, "mid-gray"), (256, "bright")))
    steps = float(np.abs(np.diff(view, axis=1)).mean())  # gray levels from pixel to pixel
    texture = _word(steps, ((2, "even"), (5, "lightly textured"), (256, "strongly textured")))
    bright, dark = extremes(view)
    ends = f"brightest toward the {bright} and darkest toward the {dark}" if bright else "equally bright all over"
    return f"{level} and {texture}, {ends}"


def extremes(view: np.ndarray) -> tuple[str, str]:
    """Names of the brightest and darkest ninth of the frame; two empty ones when they differ by under 8 gray levels."""
    rows, columns = (np.array_split(np.arange(n), 3) for n in view.shape)
    means = np.array([[view[np.ix_(row, column)].mean() for column in columns] for row in rows])
    if np.ptp(means) < 8:
        return "", ""
    (bright_row, bright_column), (dark_row, dark_column) = (divmod(int(i), 3) for i in (means.argmax(), means.argmin()))
    return cell_name(bright_column, bright_row), cell_name(dark_column, dark_row)


def _word(value: float, steps: Sequence[tuple[float, str]]) -> str:
    return next((word for limit, word in steps if value < limit), steps[-1][1])
