"""Which options a question lists, so that its text alone tells nothing about its answer."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations


@dataclass(frozen=True)
class Choice:
    """How four-option questions with one right answer are drawn.

    `keep[c]`: the share of images with answer c that are asked; `listed[c]`: the chance that c is among the options.
    With listed[c] = 4 x the share of answers c, each listed option is right with probability 1/4.
    """

    keep: Mapping[str, float]
    listed: Mapping[str, float]

    @classmethod
    def fit(cls, answers: Iterable[str], options: int = 4) -> "Choice | None":
        """From the answers in a split; None when fewer than `options` different ones occur."""
        counts = Counter(answers)
        if len(counts) < options:
            return None
        cap = float(max(counts.values()))
        while (total := sum(min(n, cap) for n in counts.values())) < options * cap - 1e-9:  # no share over 1/options
            cap = total / options
            if cap < 1e-3:
                return None
        kept = {c: min(n, cap) for c, n in sorted(counts.items())}
        return cls({c: kept[c] / counts[c] for c in kept}, {c: options * kept[c] / total for c in kept})

    def draw(self, answer: str, rng: random.Random) -> list[str] | None:
        """Options in random order, the answer among them; None when this image shall not be asked."""
        if rng.random() >= self.keep.get(answer, 0.0):
            return None
        while True:  # a set drawn without regard to the answer, kept when it holds it: P(set | answer) ~ P(set)
            if answer in (options := systematic(self.listed, rng)) and len(options) == len("ABCD"):
                rng.shuffle(options)
                return options


def systematic(chances: Mapping[str, float], rng: random.Random) -> list[str]:
    """A random set that holds each key with exactly its chance (systematic sampling in random order)."""
    keys = list(chances)
    rng.shuffle(keys)
    start, passed, drawn = rng.random(), 0.0, []
    for key in keys:
        before, passed = passed, passed + chances[key]
        if math.floor(passed - start + 1e-9) > math.floor(before - start + 1e-9):
            drawn.append(key)
    return drawn


Cell = tuple[tuple[str, ...], tuple[str, ...]]  # (the four options, those of them that are absent), both sorted
Sides = tuple[frozenset[str], frozenset[str]]  # (present, surely absent) categories of one image


@dataclass(frozen=True)
class Listing:
    """How "which of these are absent" questions are drawn: for any four options, every answer is about as frequent.

    `weights`: how much a cell is preferred; `keep`: the share of its draws that are asked.
    """

    weights: Mapping[Cell, float]
    keep: Mapping[Cell, float]

    @classmethod
    def fit(cls, images: Iterable[Sides], rounds: int = 100) -> "Listing":
        """From a split's images; each round moves weight from the frequent answers of four options to the rare ones."""
        kinds = Counter(images)
        cells = {kind: list(_cells(*kind)) for kind in kinds}
        weights = {cell: 1.0 for own in cells.values() for cell in own}
        answers: dict[tuple[str, ...], list[Cell]] = {}
        for cell in weights:
            answers.setdefault(cell[0], []).append(cell)
        expected, mean = dict.fromkeys(weights, 0.0), dict.fromkeys(answers, 0.0)
        for _ in range(rounds):
            expected = dict.fromkeys(weights, 0.0)
            for kind, number in kinds.items():
                total = sum(weights[cell] for cell in cells[kind])
                for cell in cells[kind]:
                    expected[cell] += number * weights[cell] / total
            mean = {options: sum(expected[cell] for cell in own) / len(own) for options, own in answers.items()}
            for cell in weights:
                weights[cell] *= ((mean[cell[0]] + 1e-3) / (expected[cell] + 1e-3)) ** 0.5
        return cls(weights, {cell: min(1.0, mean[cell[0]] / max(expected[cell], 1e-9)) for cell in weights})

    def draw(self, present: frozenset[str], absent: frozenset[str], rng: random.Random) -> list[str] | None:
        """Four categories in random order, at least one of each side; None when this image shall not be asked."""
        cells = [cell for cell in _cells(present, absent) if cell in self.weights]
        if not cells:
            return None
        cell = rng.choices(cells, [self.weights[cell] for cell in cells])[0]
        options = list(cell[0])
        rng.shuffle(options)
        return options if rng.random() < self.keep[cell] else None


def _cells(present: frozenset[str], absent: frozenset[str]) -> Iterator[Cell]:
    for options in combinations(sorted(present | absent), 4):
        away = tuple(option for option in options if option in absent)
        if 0 < len(away) < 4:
            yield options, away


def even_out(answers: Iterable[tuple[str, bool]]) -> dict[tuple[str, bool], float]:
    """The share of each (key, side) to keep, so that both sides of a key stay equally often; 0 for a lone side."""
    counts = Counter(answers)
    return {(key, side): min(1.0, counts[key, not side] / number) for (key, side), number in counts.items()}


def level(numbers: Iterable[int], share: float) -> dict[int, float]:
    """The share of each number's images to ask, so that no number answers more than `share` of what is asked.

    Where so few numbers occur that none can, the most frequent one is cut to the second; a lone one is not asked for.
    """
    counts = Counter(numbers)
    cap, second, *_ = [*sorted(counts.values(), reverse=True), 0, 0]
    least = 0 if share * len(counts) > 1 else second
    while cap > least and cap > share * sum(min(n, cap) for n in counts.values()):
        cap -= 1
    return {number: min(1.0, cap / n) for number, n in counts.items()}
