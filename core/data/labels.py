"""How far a record's labels can be trusted: whether they are whole, and which objects anyone can count.

HIT-UAV's labels have gaps that looking at its frames showed (docs/LOG.md): far objects where the drone looks ahead,
vehicles that the image's edge cuts, people labelled as cars. Height and angle of the drone tell most of them.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import combinations

from core.data.objects import area
from core.data.records import Box, Record

AERIAL = {"time", "altitude_m", "camera_angle_deg"}  # the facts that a drone's image comes with
STEEP = 40  # degrees below the horizon from which on a drone's whole frame is near enough to be labelled
SPANS = {"car": (2800, 13_000), "other vehicle": (2800, 26_000), "person": (0, 3500)}  # pixels x meters; HIT-UAV's
EDGE = 4  # pixels; a box nearer to the image's edge may be cut by it
GAP = 3  # pixels
SHARED = 0.25  # of the smaller box
MOST = 10  # objects that are counted or located one by one
MOST_BY_DAY = 5  # people seen from a drone by day, when some are as bright as the ground


def aerial(record: Record) -> bool:
    """Whether a drone took the image and its height and angle are known."""
    return record.scene.keys() >= AERIAL


def complete(record: Record) -> bool:
    """Whether every object of the source's categories is labelled, so that numbers and absences can be told.

    A drone's image must look steeply down and hold nothing of an impossible size for its label.
    """
    if record.scene.keys() & {"dont_care", "objects"}:
        return False
    return not aerial(record) or (int(record.scene["camera_angle_deg"]) >= STEEP and all(_plausible(record)))


def _plausible(record: Record) -> Iterator[bool]:
    """Whether each box's longer side (pixels) times the way to the ground (meters) suits its category."""
    way = int(record.scene["altitude_m"]) / math.sin(math.radians(int(record.scene["camera_angle_deg"])))
    for box in record.boxes:
        least, most = SPANS.get(box.category, (0, math.inf))
        yield cut(box, record) or least <= way * max(_sides(box)) <= most


def cut(box: Box, record: Record) -> bool:
    """Whether the image's edge may cut the object."""
    x1, y1, x2, y2 = box.xyxy
    return x1 < EDGE or y1 < EDGE or x2 > record.width - EDGE or y2 > record.height - EDGE


def ridden(record: Record) -> bool:
    """Whether there may be people who are not labelled as such: HIT-UAV labels a rider with the bicycle."""
    return record.source == "hit_uav" and any(box.category == "bicycle" for box in record.boxes)


def distinct(boxes: Sequence[Box]) -> bool:
    """Whether any two parts of a mask lie more than GAP apart: nearer ones may be two targets or one torn in two."""
    return not any(_shared(Box("", _grown(a.xyxy)), b) for a, b in combinations(boxes, 2))


def apart(boxes: Sequence[Box]) -> bool:
    """Whether no two boxes share more than SHARED of the smaller one: slanting cars side by side do, crowds do more."""
    return all(_shared(a, b) <= SHARED * min(area(a), area(b)) for a, b in combinations(boxes, 2))


def countable(boxes: Sequence[Box], record: Record, least: float) -> bool:
    """Whether anyone would count these objects: few, apart, whole, and `least` pixels on their longer sides."""
    people = any(box.category == "person" for box in boxes)
    if len(boxes) > (MOST_BY_DAY if people and record.scene.get("time") == "day" else MOST) or not apart(boxes):
        return False
    return all(max(_sides(box)) >= least and not cut(box, record) for box in boxes)


def _sides(box: Box) -> tuple[float, float]:
    x1, y1, x2, y2 = box.xyxy
    return x2 - x1, y2 - y1


def _grown(xyxy: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = xyxy
    return x1 - GAP, y1 - GAP, x2 + GAP, y2 + GAP


def _shared(a: Box, b: Box) -> float:
    """Square pixels that both boxes cover."""
    width, height = (min(a.xyxy[i + 2], b.xyxy[i + 2]) - max(a.xyxy[i], b.xyxy[i]) for i in (0, 1))
    return max(0.0, width) * max(0.0, height)
