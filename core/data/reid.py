"""Re-identification boards: 2 x 4 tiles, a person in the upper left one, the same person in one of the other seven.

No infrared re-identification images are at hand, so the same person in the visible and the infrared image of one
registered pair stands in: a proxy, easier than another camera at another time, and to be called so.
"""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from pathlib import Path

from PIL import Image, ImageOps

from core.data.objects import area
from core.data.records import Box, Record
from core.data.templates import TEMPLATES

ROWS, COLUMNS = 2, 4
TILE = (64, 128)  # width, height of a tile in pixels
GAP = 4  # pixels between tiles
LEAST_HEIGHT = 42  # pixels; smaller people have no features left
BOARDS = 3  # a person, each with other strangers
LOOK_ALIKES = 14  # strangers come from so many people of the nearest height, as sharpness would tell the answer


@dataclass(frozen=True)
class Sighting:
    """One person in one image; `identity` is the same wherever the person is seen again."""

    identity: str
    record: str  # the record's id
    image: Path
    xyxy: tuple[float, float, float, float]  # pixels
    visible: bool

    @property
    def height(self) -> float:
        """Pixels."""
        return self.xyxy[3] - self.xyxy[1]


@dataclass(frozen=True)
class Board:
    """One question; `tiles` in reading order, the first the person asked for, `answer` "2" to "8"."""

    id: str
    tiles: tuple[Sighting, ...]
    question: str
    answer: str

    def image(self) -> Image.Image:
        """RGB, 2 x 4 tiles on black."""
        width, height = TILE[0] + GAP, TILE[1] + GAP
        board = Image.new("RGB", (COLUMNS * width - GAP, ROWS * height - GAP))
        for position, tile in enumerate(self.tiles):
            board.paste(cut(tile), (position % COLUMNS * width, position // COLUMNS * height))
        return board


def sightings(record: Record) -> Iterator[Sighting]:
    """Every person in the infrared image and its visible partner who is tall enough and stands free of the others.

    In a registered pair without identities the same box in both images is the same person.
    """
    shown = [(record.image, record.boxes, False)]
    if record.visible is not None:
        shown.append((record.visible, record.boxes if record.registered else record.visible_boxes, True))
    for image, boxes, visible in shown:
        for number, box in enumerate(boxes):
            identity = box.identity or (f"{record.id}#{number}" if record.visible and record.registered else "")
            free = all(_shared(box, other) < 0.2 for other in boxes if other is not box)
            if box.category == "person" and identity and free and box.xyxy[3] - box.xyxy[1] >= LEAST_HEIGHT:
                yield Sighting(identity, record.id, image, box.xyxy, visible)


def boards(records: Iterable[Record], seed: int = 0) -> list[Board]:
    """BOARDS boards for every person of one split who is seen twice; none when fewer than seven are.

    The person asked for is the visible sighting where there is one, the candidates are infrared ones. The answer's
    place is drawn without regard to the person, so the best constant answer is right 1 time in 7.
    """
    seen: dict[str, list[Sighting]] = {}
    for record in records:
        for sighting in sightings(record):
            seen.setdefault(sighting.identity, []).append(sighting)
    pairs = [pair for own in seen.values() if (pair := _two(own))]
    made: list[Board] = []
    enough = len(pairs) >= ROWS * COLUMNS - 1
    for turn, (wanted, match) in product(range(BOARDS), pairs) if enough else ():
        rng = random.Random(f"{seed}/{turn}/{wanted.identity}")
        others = [other for _, other in pairs if other.identity != match.identity]
        others = sorted(others, key=lambda other: (abs(other.height - match.height), other.identity))[:LOOK_ALIKES]
        candidates = [match, *rng.sample(others, ROWS * COLUMNS - 2)]
        rng.shuffle(candidates)
        task = "reid_proxy" if wanted.record == match.record else "reid"
        question, answer = rng.choice(TEMPLATES["reid"]), str(candidates.index(match) + 2)
        made.append(Board(f"{match.record}/{task}/{len(made)}", (wanted, *candidates), question, answer))
    return made


def _two(own: Sequence[Sighting]) -> tuple[Sighting, Sighting] | None:
    """(wanted, an infrared sighting in another image) of one person."""
    ordered = sorted(own, key=lambda sighting: not sighting.visible)
    return next(((ordered[0], other) for other in ordered[1:] if not other.visible and other.image != ordered[0].image),
                None)  # fmt: skip


def cut(sighting: Sighting) -> Image.Image:
    """The person with a margin of an eighth, as far as the image reaches, at a tile's size; dim visible ones lifted."""
    return _tile(sighting.image, sighting.xyxy, sighting.visible)


@lru_cache(maxsize=2048)  # 50 MB
def _tile(image: Path, xyxy: tuple[float, float, float, float], visible: bool) -> Image.Image:
    x1, y1, x2, y2 = xyxy
    height = max((y2 - y1) * 1.25, (x2 - x1) * 1.25 * TILE[1] / TILE[0])
    width = height * TILE[0] / TILE[1]
    left, top = (x1 + x2 - width) / 2, (y1 + y2 - height) / 2
    with Image.open(image) as opened:
        window = max(0.0, left), max(0.0, top), min(opened.width, left + width), min(opened.height, top + height)
        tile = opened.convert("RGB").resize(TILE, Image.Resampling.BICUBIC, box=window)
    return ImageOps.autocontrast(tile, cutoff=2, preserve_tone=True) if visible else tile


def _shared(box: Box, other: Box) -> float:
    """Share of the box's area that the other one covers, [0, 1]."""
    width = min(box.xyxy[2], other.xyxy[2]) - max(box.xyxy[0], other.xyxy[0])
    height = min(box.xyxy[3], other.xyxy[3]) - max(box.xyxy[1], other.xyxy[1])
    return max(0.0, width) * max(0.0, height) / max(area(box), 1e-9)
