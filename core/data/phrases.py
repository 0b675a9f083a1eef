"""Phrases that pick exactly one object of a record, and statements on places that hold without a doubt."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from core.data.labels import aerial, apart, complete, cut, distinct, ridden
from core.data.objects import ORDINALS, area, by_category, cell, cell_name, center, objects, with_article
from core.data.records import Box, Record

LINES = (1 / 3, 2 / 3)  # between the thirds of the image
CLEAR = 0.03  # share of the image's side that a center must keep from LINES to be in one third beyond doubt
LARGER = 1.5  # areas that differ less are not told apart by eye
THIRDS = ("left", "middle", "right")
Statement = tuple[str, bool]  # "the car|0|the person", true when the car is right of (0) or below (1) the person


def groups_of(record: Record) -> dict[str, list[Box]]:
    """The objects by what phrases call them; empty where some may be unlabelled.

    Drone images label objects that the edge cuts only sometimes, so phrases speak of uncropped ones. Crowds are left
    out, as their labels have gaps, people where some may ride, and categories with a box at the edge, as it may hold
    a whole object.
    """
    groups = by_category(objects(record)) if complete(record) else {}
    if not aerial(record):
        return groups if record.mask is None or distinct(next(iter(groups.values()), [])) else {}
    return {
        f"uncropped {name}": group for name, group in groups.items()
        if apart(group) and not any(cut(box, record) for box in group) and not (name == "person" and ridden(record))
    }  # fmt: skip


def picks(record: Record) -> list[tuple[str, Box]]:
    """(phrase, the one object that it picks): "the leftmost car", "the person to the left of the dog"."""
    groups, size = groups_of(record), (record.width, record.height)
    found = []
    for category, group in groups.items():
        found += [(f"the {phrase.format(category)}", box) for phrase, box in _singled_out(group, size)]
    lone = {category: group[0] for category, group in groups.items() if len(group) == 1}
    for category, box in lone.items():
        for other in lone.keys() - {category}:
            if abs(offset := center(box)[0] - center(lone[other])[0]) > 0.05 * size[0]:
                found.append((f"the {category} to the {'right' if offset > 0 else 'left'} of the {other}", box))
    return sorted(found)


def _singled_out(group: Sequence[Box], size: tuple[int, int]) -> Iterator[tuple[str, Box]]:
    """(phrase with {} for the category, box) for every object of one category that a phrase picks beyond doubt."""
    if len(group) == 1:
        yield "{}", group[0]
        return
    for axis, (first, last) in ((0, ("leftmost", "rightmost")), (1, ("topmost", "lowest"))):
        order = sorted(group, key=lambda box: center(box)[axis])
        margin = 0.04 * size[axis]
        if center(order[1])[axis] - center(order[0])[axis] > margin:
            yield f"{first} {{}}", order[0]
        if center(order[-1])[axis] - center(order[-2])[axis] > margin:
            yield f"{last} {{}}", order[-1]
    if largest := _largest(group):
        yield "largest {}", largest
    if all(_clear(box, size, 0) for box in group):
        for column, third in enumerate(THIRDS):
            inside = [box for box in group if cell(box, size)[0] == column]
            if len(inside) == 1:
                yield f"{{}} in the {third} third of the image", inside[0]
            elif inside and (largest := _largest(inside)):
                yield f"largest {{}} in the {third} third of the image", largest
        if all(_clear(box, size, 1) for box in group):
            cells = [cell(box, size) for box in group]
            for box, place in zip(group, cells, strict=True):
                if cells.count(place) == 1:
                    yield f"{{}} in the {cell_name(*place)} ninth of the image", box


def _largest(group: Sequence[Box]) -> Box | None:
    *_, second, largest = sorted(group, key=area)
    return largest if area(largest) > LARGER * area(second) else None


def _clear(box: Box, size: tuple[int, int], axis: int) -> bool:
    return all(abs(center(box)[axis] / size[axis] - line) > CLEAR for line in LINES)


def statements(record: Record) -> list[Statement]:
    """All objects of one category on one side of one object of another category, or of the image's middle."""
    groups, size = groups_of(record), (record.width, record.height)
    found = []
    for category, group in groups.items():
        anchors: dict[str, tuple[tuple[float, float], tuple[int, ...]]] = {}  # name: (x, y), axes told of
        if len(group) == 1:
            anchors["the middle of the image"] = (size[0] / 2, size[1] / 2), (0, 1)
        for other, boxes in groups.items():
            if other != category:
                anchors |= _anchors(other, boxes, size)
        for anchor, (point, axes) in anchors.items():
            for axis in axes:
                offsets = [center(box)[axis] - point[axis] for box in group]
                if min(map(abs, offsets)) > 0.05 * size[axis] and len({offset > 0 for offset in offsets}) == 1:
                    thing = f"the {category}" if len(group) == 1 else with_article(category)
                    found.append((f"{thing}|{axis}|{anchor}", offsets[0] > 0))
    return found


def _anchors(
    category: str, group: Sequence[Box], size: tuple[int, int]
) -> Mapping[str, tuple[tuple[float, float], tuple[int, ...]]]:
    """The only object of a category, or each of a few with clear gaps by its place from the left."""
    if len(group) == 1:
        return {f"the {category}": (center(group[0]), (0, 1))}
    order = [center(box) for box in group]  # by_category: from left to right
    gaps = [right[0] - left[0] for left, right in pairwise(order)]
    if len(group) > len(ORDINALS) or min(gaps) <= 0.02 * size[0]:
        return {}
    names = zip(ORDINALS, order, strict=False)
    return {f"the {ordinal} {category} from the left": (point, (0,)) for ordinal, point in names}
