"""Task questions and answers from annotations, in IR-TD's answer formats, so drawn that the text alone tells no answer.

Re-identification is not made here: it needs boards of candidates and people seen twice, which no reader offers yet.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from core.data.balance import Choice, Listing, Sides, even_out
from core.data.captions import backgrounds
from core.data.objects import area, by_category, cell, cell_name, center, objects, plural
from core.data.records import Box, Record
from core.data.templates import TEMPLATES

VEHICLES = ("car", "other vehicle")
ELSEWHERE = ("cheetah", "airplane", "helicopter", "drone")
LABELED = {  # every category whose absence a source's annotations or viewpoint vouch for
    "hit_uav": ("person", "car", "bicycle", "other vehicle", *ELSEWHERE),
    "roadscene": ("person", "car", "bicycle", "dog", *ELSEWHERE),
    "drone_ir": ("airplane", "bird", "drone", "helicopter", "person", "bicycle", "cheetah"),
    "cheetah": ("person", "car", "bicycle", "bird", *ELSEWHERE),
}
Pair = tuple[str, str]  # question, answer
Statement = tuple[str, bool]  # "the car|0|the person", true when the car is right of (0) or below (1) the person


@dataclass(frozen=True)
class Question:
    """One question on a record's image. `id` is unique in a build; coordinates in `answer` follow IR-TD per task."""

    id: str
    record: Record
    task: str
    question: str
    answer: str


@dataclass(frozen=True)
class Draws:
    """How the options of one split's questions are drawn, fitted on its own answers (never on another split's)."""

    recognition: Choice | None
    scene: Choice | None
    security: Listing
    relationship: dict[Statement, float]

    @classmethod
    def fit(cls, records: Sequence[Record]) -> "Draws":
        seen = [named for record in records if (named := _only_category(record))]
        scenes = [named for record in records if (named := scene_label(record))]
        listable = [sides for record in records if (sides := _sides(record))]
        stated = [statement for record in records for statement in _statements(record)]
        return cls(Choice.fit(seen), Choice.fit(scenes), Listing.fit(listable), even_out(stated))


def questions(
    record: Record, rng: random.Random, tasks: Collection[str] | None = None, draws: Draws | None = None
) -> list[Question]:
    """The record's questions for `tasks` (all when None).

    Tasks that can be guessed from a data set's habits (recognition, relationship, security, scene) need the `draws`
    of the record's split and are left out without.
    """
    made = []
    for task in TEMPLATES if tasks is None else tasks:
        for position, (question, answer) in enumerate(_pairs(task, record, draws, rng)):
            made.append(Question(f"{record.id}/{task}/{position}", record, task, question, answer))
    return made


def _pairs(task: str, record: Record, draws: Draws | None, rng: random.Random) -> Iterator[Pair]:
    match task:
        case "recognition" if draws:
            yield from _choose(task, _only_category(record), draws.recognition, rng)
        case "scene" if draws:
            yield from _choose(task, scene_label(record), draws.scene, rng)
        case "security" if draws:
            yield from _security(record, draws.security, rng)
        case "relationship" if draws:
            yield from _relationship(record, draws.relationship, rng)
        case "grounding":
            yield from _grounding(record, rng)
        case "location":
            yield from _location(record, rng)
        case "aerial_counting" if record.source == "hit_uav":
            yield from _count(task, record, VEHICLES, rng)
        case "pedestrian_counting" if record.source in ("hit_uav", "roadscene"):
            yield from _count(task, record, ("person",), rng)


def scene_label(record: Record) -> str | None:
    """What kind of scene the annotations say it is; None where they don't say."""
    if record.source == "hit_uav":
        return f"ground seen from a drone by {record.scene['time']}"
    if record.source in ("roadscene", "cheetah"):
        return "road traffic seen from a car" if record.source == "roadscene" else "open ground with wildlife"
    surfaces = set(backgrounds(record))
    if surfaces & {"sea", "lake"}:
        return "open water"
    if surfaces and surfaces <= {"sky", "cloud"}:
        return "open sky"
    if surfaces == {"sky", "building"}:
        return "buildings against the sky"
    if surfaces == {"building"}:
        return "built-up area filling the view"
    return "trees filling the view" if "tree" in surfaces and "sky" not in surfaces else None


def _complete(record: Record) -> bool:
    """Whether every object of the source's categories is labeled, so that numbers and absences can be told."""
    return not record.scene.keys() & {"dont_care", "objects"}


def _only_category(record: Record) -> str | None:
    categories = {box.category for box in record.boxes}
    return categories.pop() if len(categories) == 1 and _complete(record) else None


def _sides(record: Record) -> Sides | None:
    """(present, surely absent) categories; None where the annotations can't vouch for absence."""
    if record.source not in LABELED or not _complete(record) or not record.boxes:
        return None
    present = frozenset(box.category for box in record.boxes)
    return present, frozenset(LABELED[record.source]) - present


def _lettered(options: Sequence[str]) -> list[str]:
    return [f"({letter}) {option}" for letter, option in zip("ABCD", options, strict=True)]


def _choose(task: str, answer: str | None, choice: Choice | None, rng: random.Random) -> Iterator[Pair]:
    if answer and choice and (options := choice.draw(answer, rng)):
        lettered = _lettered(options)
        yield f"{rng.choice(TEMPLATES[task])}\n{' '.join(lettered)}", lettered[options.index(answer)]


def _security(record: Record, listing: Listing, rng: random.Random) -> Iterator[Pair]:
    sides = _sides(record)
    if sides and (options := listing.draw(*sides, rng)):
        lettered = _lettered(options)
        absent = [shown for shown, option in zip(lettered, options, strict=True) if option in sides[1]]
        yield f"{rng.choice(TEMPLATES['security'])}\n{' '.join(lettered)}", " ".join(absent)


def _grounding(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Up to two phrases, each of which picks exactly one object."""
    phrases = []
    for category, group in by_category(objects(record)).items() if _complete(record) else ():
        phrases += [(f"the {phrase.format(category)}", box) for phrase, box in _singled_out(group, record)]
    for phrase, box in rng.sample(phrases, min(2, len(phrases))):
        x1, y1, x2, y2 = (round(value) for value in box.xyxy)
        yield rng.choice(TEMPLATES["grounding"]).format(phrase=phrase), f"<box>[[{x1}, {y1}, {x2}, {y2}]]</box>"


def _singled_out(group: Sequence[Box], record: Record) -> Iterator[tuple[str, Box]]:
    """(phrase with {} for the category, box) for every object of one category that a phrase picks beyond doubt."""
    if len(group) == 1:
        yield "{}", group[0]
        return
    size = (record.width, record.height)
    for axis, (first, last) in ((0, ("leftmost", "rightmost")), (1, ("topmost", "lowest"))):
        order = sorted(group, key=lambda box: center(box)[axis])
        margin = 0.04 * size[axis]
        if center(order[1])[axis] - center(order[0])[axis] > margin:
            yield f"{first} {{}}", order[0]
        if center(order[-1])[axis] - center(order[-2])[axis] > margin:
            yield f"{last} {{}}", order[-1]
    *_, second, largest = sorted(group, key=area)
    if area(largest) > 1.5 * area(second):
        yield "largest {}", largest
    cells = [cell(box, size) for box in group]
    for box, place in zip(group, cells, strict=True):
        if cells.count(place) == 1 and all(_clear(other, size) for other in group):
            yield f"{{}} in the {cell_name(*place)} ninth of the image", box


def _clear(box: Box, size: tuple[int, int]) -> bool:
    """Whether the center is at least 3 % of the image away from the lines between the ninths."""
    return all(abs(v / n - line) > 0.03 for v, n in zip(center(box), size, strict=True) for line in (1 / 3, 2 / 3))


def _location(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Centers as thousandths of width and height, from left to right; categories with 1 to 10 objects."""
    for category, group in by_category(objects(record)).items() if _complete(record) else ():
        if len(group) <= 10:
            points = [(round(1000 * x / record.width), round(1000 * y / record.height)) for x, y in map(center, group)]
            question = rng.choice(TEMPLATES["location"]).format(category=category, plural=plural(category))
            yield question, f"<ref>{category}</ref> at <pos>[{', '.join(f'({x}, {y})' for x, y in points)}]</pos>"


def _statements(record: Record) -> list[Statement]:
    """All objects of one category on one side of the only object of another category, or of the image's middle."""
    groups = by_category(objects(record)) if _complete(record) else {}
    size, found = (record.width, record.height), []
    for category, group in groups.items():
        lone = {other: own[0] for other, own in groups.items() if other != category and len(own) == 1}
        anchors = {f"the {other}": center(box) for other, box in lone.items()}
        if len(group) == 1:
            anchors["the middle of the image"] = (size[0] / 2, size[1] / 2)
        for anchor, point in anchors.items():
            for axis in (0, 1):
                offsets = [center(box)[axis] - point[axis] for box in group]
                if min(map(abs, offsets)) > 0.05 * size[axis] and len({offset > 0 for offset in offsets}) == 1:
                    thing = f"{'the' if len(group) == 1 else 'a'} {category}"
                    found.append((f"{thing}|{axis}|{anchor}", offsets[0] > 0))
    return found


def _relationship(record: Record, keep: dict[Statement, float], rng: random.Random) -> Iterator[Pair]:
    """One statement, turned round by a fair coin; both sides of each are kept equally often, so text tells nothing."""
    kept = [statement for statement in _statements(record) if rng.random() < keep.get(statement, 0.0)]
    for key, beyond in rng.sample(kept, min(1, len(kept))):
        thing, axis, anchor = key.split("|")
        yes = rng.random() < 0.5
        side = (("to the left of", "to the right of"), ("above", "below"))[int(axis)][beyond == yes]
        there = "there " if thing.startswith("a ") else ""
        yield rng.choice(TEMPLATES["relationship"]).format(f"is {there}{thing} {side} {anchor}"), "yes" if yes else "no"


def _count(task: str, record: Record, categories: Collection[str], rng: random.Random) -> Iterator[Pair]:
    if _complete(record):
        number = sum(box.category in categories for box in record.boxes)
        yield rng.choice(TEMPLATES[task]), f"<num>{number}</num>"
