"""Task questions and answers from annotations, in IR-TD's answer formats, so drawn that the text alone tells no answer.

Re-identification is not made here: it needs boards of candidates and people seen twice, which no reader offers yet.
"""

import random
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from core.data.balance import Choice, Listing
from core.data.captions import backgrounds
from core.data.objects import area, by_category, cell, cell_name, center, objects, plural
from core.data.records import Box, Record

TASKS = ("recognition", "grounding", "location", "relationship", "security", "aerial_counting", "pedestrian_counting", "scene")
VEHICLES = ("car", "other vehicle")
FLYING = ("airplane", "bird", "drone", "helicopter")
LABELED = {  # every category whose absence a source's annotations and viewpoint vouch for
    "hit_uav": ("person", "car", "bicycle", "other vehicle", "cheetah", "airplane", "helicopter"),
    "roadscene": ("person", "car", "bicycle", "dog", "cheetah", "airplane", "helicopter"),
    "drone_ir": (*FLYING, "cheetah", "dog", "bicycle"),
    "cheetah": ("cheetah", "person", "airplane", "helicopter", "drone", "bicycle"),
}
Pair = tuple[str, str]  # question, answer


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
    """The option draws of one split, fitted on its own answers (never on another split's)."""

    recognition: Choice | None
    scene: Choice | None
    security: Listing

    @classmethod
    def fit(cls, records: Sequence[Record]) -> "Draws":
        seen = [named for record in records if (named := _only_category(record))]
        scenes = [named for record in records if (named := scene_label(record))]
        listable = [sides for record in records if (sides := _sides(record))]
        return cls(Choice.fit(seen), Choice.fit(scenes), Listing.fit(listable))


def questions(record: Record, rng: random.Random, tasks: Collection[str] | None = None, draws: Draws | None = None) -> list[Question]:
    """The record's questions for `tasks` (all when None).

    Tasks with options (recognition, scene, security) need the `draws` of the record's split and are left out without.
    """
    makers: dict[str, Callable[[], Iterator[Pair]]] = {
        "recognition": lambda: _recognition(record, draws, rng),
        "grounding": lambda: _grounding(record, rng),
        "location": lambda: _location(record, rng),
        "relationship": lambda: _relationship(record, rng),
        "security": lambda: _security(record, draws, rng),
        "aerial_counting": lambda: _aerial_counting(record, rng),
        "pedestrian_counting": lambda: _pedestrian_counting(record, rng),
        "scene": lambda: _scene(record, draws, rng),
    }
    return [
        Question(f"{record.id}/{task}/{position}", record, task, question, answer)
        for task in TASKS
        if tasks is None or task in tasks
        for position, (question, answer) in enumerate(makers[task]())
    ]


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


def _only_category(record: Record) -> str | None:
    """The category when all labeled objects share it (and nothing was left unlabeled)."""
    categories = {box.category for box in record.boxes}
    return categories.pop() if len(categories) == 1 and "dont_care" not in record.scene else None


def _sides(record: Record) -> tuple[frozenset[str], frozenset[str]] | None:
    """(present, surely absent) categories; None where the annotations can't vouch for absence."""
    if record.source not in LABELED or record.scene.keys() & {"dont_care", "objects"} or not record.boxes:
        return None
    present = frozenset(box.category for box in record.boxes)
    return present, frozenset(LABELED[record.source]) - present


def _options(question: str, options: Sequence[str]) -> str:
    return f"{question}\n{' '.join(f'({letter}) {option}' for letter, option in zip('ABCD', options, strict=True))}"


def _recognition(record: Record, draws: Draws | None, rng: random.Random) -> Iterator[Pair]:
    answer = _only_category(record)
    if answer and draws and draws.recognition and (options := draws.recognition.draw(answer, rng)):
        question = rng.choice([
            "Which of these can be seen in this infrared image?", "What kind of object does the image show?",
            "Name the object in this thermal view.", "What is the labeled object here?", "Which object is this?",
        ])  # fmt: skip
        yield _options(question, options), f"({'ABCD'[options.index(answer)]}) {answer}"


def _scene(record: Record, draws: Draws | None, rng: random.Random) -> Iterator[Pair]:
    answer = scene_label(record)
    if answer and draws and draws.scene and (options := draws.scene.draw(answer, rng)):
        question = rng.choice([
            "Which kind of scene is this?", "What does this thermal image look at?", "Choose the scene type of the image.",
            "Which description fits the scene?", "Where was this infrared image taken?",
        ])  # fmt: skip
        yield _options(question, options), f"({'ABCD'[options.index(answer)]}) {answer}"


def _security(record: Record, draws: Draws | None, rng: random.Random) -> Iterator[Pair]:
    sides = _sides(record)
    if sides and draws and (options := draws.security.draw(*sides, rng)):
        question = rng.choice([
            "Which of the listed things are missing from the image?", "What can not be found in this infrared image?",
            "Select everything that is absent from the view.", "Which of these do not appear here?",
        ])  # fmt: skip
        absent = [f"({letter}) {option}" for letter, option in zip("ABCD", options, strict=True) if option in sides[1]]
        yield _options(question, options), " ".join(absent)


def _grounding(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Up to two phrases, each of which picks exactly one object."""
    phrases = []
    for category, group in by_category(objects(record)).items():
        phrases += [(f"the {phrase.format(category)}", box) for phrase, box in _singled_out(group, record)]
    for phrase, box in rng.sample(phrases, min(2, len(phrases))):
        question = rng.choice([
            f"Give the bounding box of {phrase}.", f"Where is {phrase}? Answer with its box.",
            f"Mark {phrase} with a bounding box.", f"Find {phrase} and return its box in pixels.",
        ])  # fmt: skip
        x1, y1, x2, y2 = (round(value) for value in box.xyxy)
        yield question, f"<box>[[{x1}, {y1}, {x2}, {y2}]]</box>"


def _singled_out(group: Sequence[Box], record: Record) -> Iterator[tuple[str, Box]]:
    """(phrase with {} for the category, box) for every object of one category that a phrase picks beyond doubt."""
    if "dont_care" in record.scene:
        return
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
    by_size = sorted(group, key=area)
    if area(by_size[-1]) > 1.5 * area(by_size[-2]):
        yield "largest {}", by_size[-1]
    cells = [cell(box, size) for box in group]
    for box, place in zip(group, cells, strict=True):
        if cells.count(place) == 1 and _well_inside(box, place, size):
            yield f"{{}} in the {cell_name(*place)} ninth of the image", box


def _well_inside(box: Box, place: tuple[int, int], size: tuple[int, int]) -> bool:
    """Whether the center is at least a tenth of a cell away from the inner borders of its cell."""
    return all(
        (index == 0 or offset > index + 0.1) and (index == 2 or offset < index + 0.9)
        for index, offset in zip(place, (3 * v / n for v, n in zip(center(box), size, strict=True)), strict=True)
    )


def _location(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Centers as thousandths of width and height, from left to right; categories with 1 to 10 objects."""
    for category, group in by_category(objects(record)).items():
        if len(group) > 10 or "dont_care" in record.scene:
            continue
        thousandths = [(round(1000 * x / record.width), round(1000 * y / record.height)) for x, y in map(center, group)]
        question = rng.choice([
            f"Point out every {category} from left to right.", f"Give the positions of all {plural(category)}, left to right.",
            f"List where each {category} is, starting at the left.", f"Locate all {plural(category)} from left to right.",
        ])  # fmt: skip
        yield question, f"<ref>{category}</ref> at <pos>[{', '.join(f'({x}, {y})' for x, y in thousandths)}]</pos>"


def _relationship(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Yes/no by a fair coin: all of one category on one side of the only object of another, or of the image's middle."""
    groups = by_category(objects(record))
    size, candidates = (record.width, record.height), []
    for category, group in groups.items():
        anchors = [(f"the {other}", center(alone[0])) for other, alone in groups.items() if other != category and len(alone) == 1]
        if len(group) == 1:
            anchors.append(("the middle of the image", (size[0] / 2, size[1] / 2)))
        for anchor, point in anchors:
            for axis, sides in ((0, ("to the left of", "to the right of")), (1, ("above", "below"))):
                if anchor == "the middle of the image" and axis == 1:
                    continue  # flying things are high and ground objects low: the answer could be guessed
                offsets = [center(box)[axis] - point[axis] for box in group]
                if min(map(abs, offsets)) > 0.05 * size[axis] and len({offset > 0 for offset in offsets}) == 1:
                    candidates.append((category, len(group), sides, offsets[0] > 0, anchor))
    for category, number, sides, second, anchor in rng.sample(candidates, min(1, len(candidates))):
        yes = rng.random() < 0.5
        thing = f"the {category}" if number == 1 and "middle" in anchor else f"a {category}"
        relation = f"{thing} {sides[second if yes else not second]} {anchor}"
        yield rng.choice([f"Is {relation}?" if thing.startswith("the") else f"Is there {relation}?",
                          f"Answer yes or no: is {'there ' if thing.startswith('a ') else ''}{relation}?"]), "yes" if yes else "no"  # fmt: skip


def _aerial_counting(record: Record, rng: random.Random) -> Iterator[Pair]:
    if record.source == "hit_uav" and "dont_care" not in record.scene:
        number = sum(box.category in VEHICLES for box in record.boxes)
        yield rng.choice([
            "How many vehicles, bicycles aside, are in this aerial view?", "Count the cars and other vehicles below the drone.",
            "What is the number of motor vehicles in the picture?",
        ]), f"<num>{number}</num>"  # fmt: skip


def _pedestrian_counting(record: Record, rng: random.Random) -> Iterator[Pair]:
    if record.source in ("hit_uav", "roadscene") and not record.scene.keys() & {"dont_care", "objects"}:
        number = sum(box.category == "person" for box in record.boxes)
        yield rng.choice([
            "How many people are in the picture?", "Count the pedestrians in this infrared image.",
            "What is the number of persons that can be seen?",
        ]), f"<num>{number}</num>"  # fmt: skip
