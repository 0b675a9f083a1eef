"""How far two people agree about one field, from 0 (not at all) to 1 (the same), each field by its own measure.

| field | measure |
|---|---|
| caption_global, caption_fine | similarity of the words in their order: 1 - indel distance / number of words |
| questions | share of all questions asked by either that both answer alike, case and punctuation aside |
| boxes | mean IoU over the best one-to-one matching of boxes with the same label; unmatched boxes count 0 |
| points | share of points that match one to one within NEAR pixels |
| mask | Dice coefficient; `mask_distance` is the distance of the centroids |
| tags | Jaccard index |
| quality | the same or not |

Over a whole project, fields with categories also get Krippendorff's alpha, which takes agreement by chance away.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import krippendorff
import numpy as np
from rapidfuzz.distance import Indel
from scipy.optimize import linear_sum_assignment

from labeling.fields import FIELDS

NEAR = 3.0  # pixels


@dataclass(frozen=True)
class Agreement:
    """Agreement about one field over many items."""

    field: str
    items: int  # with two answers or more
    mean: float | None  # mean agreement of all pairs of answers, None without a pair
    alpha: float | None  # Krippendorff's alpha, None where it is not defined
    note: str  # why alpha is not defined; empty where it is


def agree(field: str, one: Any, other: Any) -> float | None:
    """Agreement of two values of a field, None where neither says anything."""
    if _empty(field, one) and _empty(field, other):
        return 1.0 if field == "mask" and one is not None and other is not None else None
    if field in ("caption_global", "caption_fine"):
        return Indel.normalized_similarity(_words(one or ""), _words(other or ""))
    if field == "questions":
        return _questions(one or [], other or [])
    if field == "boxes":
        return _matched(one or [], other or [], _iou)
    if field == "points":
        return _matched(one or [], other or [], _near)
    if field == "mask":
        return dice(one or {"runs": []}, other or {"runs": []})
    if field == "tags":
        return len(set(one or []) & set(other or [])) / len(set(one or []) | set(other or []))
    return float(one == other)


def dice(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """Dice coefficient of two masks given as runs: 1 the same, 0 disjoint. Two empty masks are the same."""
    mine, theirs = _spans(one), _spans(other)
    total = int((mine[:, 1] - mine[:, 0]).sum() + (theirs[:, 1] - theirs[:, 0]).sum())
    if not total:
        return 1.0
    first = np.searchsorted(theirs[:, 1], mine[:, 0], side="right")  # the first of theirs that ends after mine begins
    last = np.searchsorted(theirs[:, 0], mine[:, 1], side="left")  # the first of theirs that begins after mine ends
    common = 0
    for (start, end), low, high in zip(mine, first, last, strict=True):
        if high > low:
            overlaps = np.minimum(theirs[low:high, 1], end) - np.maximum(theirs[low:high, 0], start)
            common += int(overlaps.sum())
    return 2 * common / total


def mask_distance(one: Mapping[str, Any], other: Mapping[str, Any]) -> float | None:
    """Distance of two masks' centroids in pixels, None if one of them is empty."""
    centres = [_centroid(mask) for mask in (one, other)]
    if centres[0] is None or centres[1] is None:
        return None
    return math.dist(centres[0], centres[1])


def apart(answers: Sequence[Mapping[str, Any]]) -> float | None:
    """Mean distance of the centroids of all pairs of masks, in pixels; None without a pair of masks that hold any."""
    found = [answer["mask"] for answer in answers if answer.get("mask")]
    distances = [mask_distance(one, other) for one, other in combinations(found, 2)]
    known = [distance for distance in distances if distance is not None]
    return sum(known) / len(known) if known else None


def between(answers: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Field -> mean agreement of all pairs of answers to one item; fields that nobody fills are left out."""
    found = {}
    for field in FIELDS:
        values = [agree(field, one.get(field), other.get(field)) for one, other in combinations(answers, 2)]
        defined = [value for value in values if value is not None]
        if defined:
            found[field] = sum(defined) / len(defined)
    return found


def over(items: Sequence[Mapping[str, Mapping[str, Any]]]) -> list[Agreement]:
    """Agreement about each field over items, each given as person -> fields."""
    several = [answers for answers in items if len(answers) > 1]
    per_item = [between(list(answers.values())) for answers in several]
    found = []
    for field in FIELDS:
        values = [item[field] for item in per_item if field in item]
        alpha, note = _alpha(field, several) if values else (None, "nobody has filled this field twice")
        found.append(Agreement(field, len(values), sum(values) / len(values) if values else None, alpha, note))
    return found


def _alpha(field: str, items: Sequence[Mapping[str, Mapping[str, Any]]]) -> tuple[float | None, str]:
    """Nominal alpha over an item's quality, over each tag of an item, over each question of an item."""
    units: list[dict[str, str]] = []  # person -> category, one dictionary a unit
    for answers in items:
        said = {person: fields.get(field) for person, fields in answers.items()}
        if field == "quality":
            units.append({person: value for person, value in said.items() if value})
        elif field == "tags":
            tags = sorted({tag for value in said.values() for tag in value or []})
            units += [{person: str(tag in (value or [])) for person, value in said.items()} for tag in tags]
        elif field == "questions":
            pairs = {person: _answers(value or []) for person, value in said.items()}
            asked = sorted({question for known in pairs.values() for question in known})
            units += [{who: known[question] for who, known in pairs.items() if question in known} for question in asked]
        else:
            return None, "not defined for free text and shapes: the mean agreement stands for it"
    units = [unit for unit in units if len(unit) > 1]
    categories = sorted({category for unit in units for category in unit.values()})
    if len(categories) < 2:
        return None, "not defined while all answers are the same: agreement by chance can't be told apart"
    counts = np.array([[list(unit.values()).count(category) for category in categories] for unit in units])
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal")), ""


def _empty(field: str, value: Any) -> bool:
    return not value or (field == "mask" and not value["runs"])


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _answers(pairs: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {" ".join(_words(pair["question"])): " ".join(_words(pair["answer"])) for pair in pairs}


def _questions(one: Sequence[Mapping[str, str]], other: Sequence[Mapping[str, str]]) -> float:
    mine, theirs = _answers(one), _answers(other)
    return sum(mine[question] == theirs.get(question) for question in mine) / len(mine.keys() | theirs.keys())


def _matched(one: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]], score: Any) -> float:
    """Sum of scores over the best one-to-one matching, divided by the larger number of shapes."""
    if not one or not other:
        return 0.0
    scores = np.array([[score(a, b) if a["label"] == b["label"] else 0.0 for b in other] for a in one])
    rows, columns = linear_sum_assignment(scores, maximize=True)
    return float(scores[rows, columns].sum()) / max(len(one), len(other))


def _iou(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = one["xyxy"], other["xyxy"]
    common = max(0, min(ax1, bx1) - max(ax0, bx0)) * max(0, min(ay1, by1) - max(ay0, by0))
    return common / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - common)


def _near(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    return float(math.dist(one["xy"], other["xy"]) <= NEAR)


def _spans(mask: Mapping[str, Any]) -> np.ndarray:
    """Runs as an int64 (N, 2) array of (start, end)."""
    runs = np.array(mask["runs"], np.int64).reshape(-1, 2)
    return np.stack([runs[:, 0], runs.sum(axis=1)], axis=1)


def _centroid(mask: Mapping[str, Any]) -> tuple[float, float] | None:
    if not mask["runs"]:
        return None
    pixels = np.concatenate([np.arange(start, end) for start, end in _spans(mask)])
    return float((pixels % mask["size"][0]).mean()), float((pixels // mask["size"][0]).mean())
