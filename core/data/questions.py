"""Task questions and answers from annotations, in IR-TD's answer formats, so drawn that the text alone tells no answer.

Re-identification has boards of candidates instead of an image of its own: core/data/reid.py.
"""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from core.data.balance import Choice, Listing, Sides, even_out, level
from core.data.captions import backgrounds
from core.data.labels import MOST, complete, countable, ridden
from core.data.objects import center, plural
from core.data.phrases import Statement, groups_of, picks, statements
from core.data.records import Box, Record
from core.data.templates import TEMPLATES

COUNTED = {  # the categories of a task, and the sources that label all of them, with the least pixels of each object
    "aerial_counting": (("car", "other vehicle"), {"hit_uav": 8}),
    "pedestrian_counting": (("person",), {"hit_uav": 8, "roadscene": 24}),
}
MOST_OF_ONE_NUMBER = 0.3  # the largest share of a counting task's questions with one answer
ELSEWHERE = ("cheetah", "airplane", "helicopter", "drone")
LABELED = {  # every category whose absence a source's annotations or viewpoint vouch for
    "hit_uav": ("person", "car", "bicycle", "other vehicle", *ELSEWHERE),
    "roadscene": ("person", "car", "bicycle", "dog", *ELSEWHERE),
    "drone_ir": ("airplane", "bird", "drone", "helicopter", "person", "bicycle", "cheetah"),
    "cheetah": ("person", "car", "bicycle", "bird", *ELSEWHERE),
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
    """How the options of one split's questions are drawn, fitted on its own answers (never on another split's)."""

    recognition: Choice | None
    scene: Choice | None
    security: Listing
    relationship: dict[Statement, float]
    counting: dict[str, dict[int, float]]  # task: number of objects: the share of its images that are asked

    @classmethod
    def fit(cls, records: Sequence[Record]) -> "Draws":
        seen = [named for record in records if (named := _only_category(record))]
        scenes = [named for record in records if (named := scene_label(record))]
        listable = [sides for record in records if (sides := _sides(record))]
        stated = [statement for record in records for statement in statements(record)]
        numbers = {task: [n for record in records if (n := _number(task, record)) is not None] for task in COUNTED}
        counting = {task: level(own, MOST_OF_ONE_NUMBER) for task, own in numbers.items()}
        return cls(Choice.fit(seen), Choice.fit(scenes), Listing.fit(listable), even_out(stated), counting)


def questions(
    record: Record, rng: random.Random, tasks: Collection[str] | None = None, draws: Draws | None = None
) -> list[Question]:
    """The record's questions for `tasks` (all when None).

    Tasks that can be guessed from a data set's habits (recognition, relationship, security, scene) need the `draws`
    of the record's split and are left out without; numbers are counted without, but not levelled.
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
        case "aerial_counting" | "pedestrian_counting":
            yield from _count(task, record, draws, rng)


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
    if record.source == "langir_sirst":  # its prompts call any dark edge a building
        return None
    if surfaces == {"sky", "building"}:
        return "buildings against the sky"
    return "built-up area filling the view" if surfaces == {"building"} else None


def _only_category(record: Record) -> str | None:
    categories = {box.category for box in record.boxes}
    return categories.pop() if len(categories) == 1 and complete(record) and not ridden(record) else None


def _sides(record: Record) -> Sides | None:
    """(present, surely absent) categories; None where the annotations can't vouch for absence."""
    if record.source not in LABELED or not complete(record) or not record.boxes:
        return None
    present = frozenset(box.category for box in record.boxes)
    unsure = {"person"} if ridden(record) else frozenset[str]()
    return present, frozenset(LABELED[record.source]) - present - unsure


def lettered(options: Sequence[str]) -> list[str]:
    """ "(A) car", "(B) dog", ..."""
    return [f"({letter}) {option}" for letter, option in zip("ABCD", options, strict=True)]


def _choose(task: str, answer: str | None, choice: Choice | None, rng: random.Random) -> Iterator[Pair]:
    if answer and choice and (options := choice.draw(answer, rng)):
        shown = lettered(options)
        yield f"{rng.choice(TEMPLATES[task])}\n{' '.join(shown)}", shown[options.index(answer)]


def _security(record: Record, listing: Listing, rng: random.Random) -> Iterator[Pair]:
    sides = _sides(record)
    if sides and (options := listing.draw(*sides, rng)):
        question = f"{rng.choice(TEMPLATES['security'])}\n{' '.join(lettered(options))}"
        yield question, absent_answer(options, sides[1])


def box_answer(box: Box) -> str:
    """Absolute pixels, as IR-TD writes them."""
    x1, y1, x2, y2 = (round(value) for value in box.xyxy)
    return f"<box>[[{x1}, {y1}, {x2}, {y2}]]</box>"


def points_answer(category: str, group: Sequence[Box], size: tuple[int, int]) -> str:
    """Centers from left to right (as `by_category` sorts them) in thousandths of width and height."""
    points = [(round(1000 * x / size[0]), round(1000 * y / size[1])) for x, y in map(center, group)]
    return f"<ref>{category}</ref> at <pos>[{', '.join(f'({x}, {y})' for x, y in points)}]</pos>"


def absent_answer(options: Sequence[str], absent: Collection[str]) -> str:
    """The lettered options that are absent: "(A) bird (C) dog"."""
    return " ".join(shown for shown, option in zip(lettered(options), options, strict=True) if option in absent)


def _grounding(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Up to two phrases, each of which picks exactly one object."""
    phrases = picks(record)
    for phrase, box in rng.sample(phrases, min(2, len(phrases))):
        yield rng.choice(TEMPLATES["grounding"]).format(phrase=phrase), box_answer(box)


def _location(record: Record, rng: random.Random) -> Iterator[Pair]:
    """Categories with 1 to MOST objects."""
    for category, group in groups_of(record).items():
        if len(group) <= MOST:
            question = rng.choice(TEMPLATES["location"]).format(category=category, plural=plural(category))
            yield question, points_answer(group[0].category, group, (record.width, record.height))


def _relationship(record: Record, keep: dict[Statement, float], rng: random.Random) -> Iterator[Pair]:
    """One statement, turned round by a fair coin; both sides of each are kept equally often, so text tells nothing."""
    kept = [statement for statement in statements(record) if rng.random() < keep.get(statement, 0.0)]
    for key, beyond in rng.sample(kept, min(1, len(kept))):
        thing, axis, anchor = key.split("|")
        yes = rng.random() < 0.5
        side = (("to the left of", "to the right of"), ("above", "below"))[int(axis)][beyond == yes]
        there = "there " if thing.startswith(("a ", "an ")) else ""
        yield rng.choice(TEMPLATES["relationship"]).format(f"is {there}{thing} {side} {anchor}"), "yes" if yes else "no"


def _count(task: str, record: Record, draws: Draws | None, rng: random.Random) -> Iterator[Pair]:
    number = _number(task, record)
    if number is not None and (draws is None or rng.random() < draws.counting[task].get(number, 0.0)):
        yield rng.choice(TEMPLATES[task]), f"<num>{number}</num>"


def _number(task: str, record: Record) -> int | None:
    """How many objects of the task's categories the image shows; None where the annotations can't tell."""
    categories, sources = COUNTED[task]
    counted = [box for box in record.boxes if box.category in categories]
    unsure = task == "pedestrian_counting" and ridden(record)
    if record.source not in sources or unsure or not complete(record):
        return None
    return len(counted) if countable(counted, record, sources[record.source]) else None
