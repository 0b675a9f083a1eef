"""What stands where in a record: its objects, and the words for their number and place."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from core.data.records import Box, Record

NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
ORDINALS = ("first", "second", "third", "fourth", "fifth")
Group = tuple[str, list[Box]]  # one category and its boxes
COLUMNS, ROWS = ("left", "", "right"), ("upper", "", "lower")


def objects(record: Record) -> tuple[Box, ...]:
    """The labelled boxes; for a record with a mask, one "small target" box a connected (8-neighbour) part of it."""
    return record.boxes if record.mask is None else _targets(record.mask)


@lru_cache(maxsize=4096)
def _targets(mask: Path) -> tuple[Box, ...]:
    with Image.open(mask) as opened:
        grey = opened.convert("L")
    around = grey.getbbox()
    if around is None:
        return ()
    labels, _ = ndimage.label(np.asarray(grey.crop(around)), np.ones((3, 3)))
    left, top = around[:2]
    return tuple(
        Box("small target", (float(left + x.start), float(top + y.start), float(left + x.stop), float(top + y.stop)))
        for y, x in ndimage.find_objects(labels)
    )


def center(box: Box) -> tuple[float, float]:
    """(x, y) in pixels."""
    x1, y1, x2, y2 = box.xyxy
    return (x1 + x2) / 2, (y1 + y2) / 2


def area(box: Box) -> float:
    """Square pixels."""
    x1, y1, x2, y2 = box.xyxy
    return (x2 - x1) * (y2 - y1)


def cell(box: Box, size: tuple[int, int]) -> tuple[int, int]:
    """(column, row) of the box's center in a 3 x 3 grid over an image of `size` (W, H)."""
    x, y = center(box)
    return min(2, int(3 * x / size[0])), min(2, int(3 * y / size[1]))


def cell_name(column: int, row: int) -> str:
    """ "upper left", "left", "center", "lower right": a cell of the 3 x 3 grid in words."""
    if column == row == 1:
        return "center"
    return {(1, 0): "top", (1, 2): "bottom"}.get((column, row)) or f"{ROWS[row]} {COLUMNS[column]}".strip()


def places(boxes: Sequence[Box], size: tuple[int, int]) -> str:
    """Where a non-empty set of boxes lies: "in the upper left", "mostly in the center", "along the left side", ..."""
    cells = [cell(box, size) for box in boxes]
    distinct = sorted(set(cells))
    if len(distinct) == 1:
        preposition = "in" if (COLUMNS[distinct[0][0]] and ROWS[distinct[0][1]]) or distinct[0] == (1, 1) else "at"
        return f"{preposition} the {cell_name(*distinct[0])}"
    if len(boxes) == 2:
        return f"toward the {cell_name(*distinct[0])} and the {cell_name(*distinct[1])}"
    commonest = max(distinct, key=cells.count)
    if cells.count(commonest) >= 0.6 * len(cells):
        return f"mostly toward the {cell_name(*commonest)}"
    for axis, names in ((0, ("left side", "right side")), (1, ("upper part", "lower part"))):
        for outer, name in zip((0, 2), names, strict=True):
            if sum(c[axis] == outer for c in cells) >= 0.75 * len(cells):
                return f"mostly along the {name}"
    return "spread over the frame"


def plural(category: str) -> str:
    return "people" if category == "person" else f"{category}s"


def with_article(name: str) -> str:
    """ "a car", "an airplane"."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def counted(number: int, category: str) -> str:
    """ "one car", "three people", "about 15 bicycles": nobody counts more than a dozen at a glance."""
    words = NUMBERS[number] if number < len(NUMBERS) else f"about {5 * round(number / 5)}"
    return f"{words} {category if number == 1 else plural(category)}"


def listed(parts: Sequence[str]) -> str:
    """ "", "a", "a and b", "a, b and c"."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)


def by_category(boxes: Sequence[Box]) -> dict[str, list[Box]]:
    """Boxes a category, the most numerous first; in a category from left to right."""
    groups: dict[str, list[Box]] = {}
    for box in sorted(boxes, key=center):
        groups.setdefault(box.category, []).append(box)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])))
