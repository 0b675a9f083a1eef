"""Which options a question lists, so that its text alone tells nothing about its answer."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


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
            if answer in (options := systematic(self.listed, rng)):
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


@dataclass
class Listing:
    """Weights by which present and absent categories are listed, so that a listed one is absent half the time."""

    weights: dict[tuple[str, bool], float] = field(default_factory=dict)  # (category, present) -> weight > 0

    @classmethod
    def fit(cls, images: Sequence[tuple[frozenset[str], frozenset[str]]], rounds: int = 30) -> "Listing":
        """From (present, absent) category sets of a split; each round moves every category's odds toward 1/2.

        Categories that are never present or never absent can't be balanced and are not listed.
        """
        present = {c for there, _ in images for c in there}
        absent = {c for _, away in images for c in away}
        fitted = cls({(c, side): 1.0 for c in sorted(present & absent) for side in (True, False)})
        for step in range(rounds):
            rng, seen = random.Random(step), Counter[tuple[str, bool]]()
            for there, away in images:
                seen.update((c, c in there) for c in fitted.draw(there, away, rng) or ())
            for category in present & absent:
                odds = (seen[category, True] + 1) / (seen[category, False] + 1)
                fitted.weights[category, True] *= odds**-0.4
                fitted.weights[category, False] *= odds**0.4
        return fitted

    def draw(self, present: frozenset[str], absent: frozenset[str], rng: random.Random) -> list[str] | None:
        """Four categories in random order, at least one of each side; None when that can't be."""
        pools = [[c for c in sorted(side) if (c, there) in self.weights] for side, there in ((present, True), (absent, False))]
        if not all(pools) or sum(map(len, pools)) < 4:
            return None
        scored = {}
        for pool, there in zip(pools, (True, False), strict=True):  # weighted draw without replacement (Efraimidis-Spirakis)
            scored.update({c: rng.random() ** (1 / max(self.weights[c, there], 1e-9)) for c in pool})
        order = sorted(scored, key=scored.__getitem__, reverse=True)
        first = [max(pool, key=scored.__getitem__) for pool in pools]
        options = first + [c for c in order if c not in first][:2]
        rng.shuffle(options)
        return options
