"""Boxes, points and counts out of an answer in IR-TD's markup (arXiv 2507.14449, released format)."""

import re
from dataclasses import dataclass

Box = tuple[float, float, float, float]
Point = tuple[float, float]

POINT_RANGE = 1000  # points are thousandths of width and height; boxes are pixels

_NUMBER = r"\s*(-?\d{1,7}(?:\.\d{1,7})?)\s*"
_BOX = re.compile(r"\[" + ",".join([_NUMBER] * 4) + r"\]")
_POINT = re.compile(r"\(" + ",".join([_NUMBER] * 2) + r"\)")
_COUNT = re.compile(r"<num>\s*(\d{1,7})\s*</num>")


@dataclass(frozen=True)
class Answer:
    """text: as the model gave it; boxes (x1, y1, x2, y2), points (x, y): pixels inside the image; count: or None."""

    text: str
    boxes: list[Box]
    points: list[Point]
    count: int | None


def parse_answer(text: str, width: int, height: int) -> Answer:
    """What `<box>[[x1, y1, x2, y2]]</box>`, `<pos>[(x, y)]</pos>` and `<num>n</num>` in an answer say.

    Corners may come in any order; everything is clipped to the image of `width` x `height` pixels; boxes without area
    there are dropped. A tag left open (an answer that was cut short) counts to the end. Never raises.
    """
    boxes = []
    for part in _tagged(text, "box"):
        for match in _BOX.finditer(part):
            x1, y1, x2, y2 = map(float, match.groups())
            xs, ys = sorted(_clip(x, width) for x in (x1, x2)), sorted(_clip(y, height) for y in (y1, y2))
            if xs[0] < xs[1] and ys[0] < ys[1]:
                boxes.append((xs[0], ys[0], xs[1], ys[1]))
    points = []
    for part in _tagged(text, "pos"):
        for match in _POINT.finditer(part):
            x, y = (float(value) / POINT_RANGE for value in match.groups())
            points.append((_clip(x * width, width), _clip(y * height, height)))
    count = _COUNT.search(text)
    return Answer(text, boxes, points, int(count[1]) if count else None)


def _tagged(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>(.*?)(?:</{tag}>|\Z)", text, re.DOTALL)


def _clip(value: float, limit: int) -> float:
    return min(max(value, 0.0), float(limit))
