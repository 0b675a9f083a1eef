"""Scores of the nine IR-TD tasks, each rule stated; an answer that can't be read is wrong, never left out.

The released scoring code skips answers it can't parse and matches points only within 5 units, which rewards silence;
hence rules of our own where it does. All scores are means over the questions of a task.
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from core.irgpt.answers import POINT_RANGE, Box, Point, parse_answer

POSITIVE = ("scene", "recognition", "grounding", "relationship", "reid", "security")  # percent, higher is better
NEGATIVE = ("location", "aerial_counting", "pedestrian_counting")  # errors, lower is better
UNREAD_COUNT = 100  # the error, at least, of an answer without a number


def score(task: str, answer: str, label: str) -> float:
    """One answer against its label.

    recognition, scene, relationship, reid, security: 100 when equal but for case, spacing and a final full stop, else 0
    (security: all absent things and no other). grounding: percent of labelled boxes matched at IoU >= 0.5, one to one.
    location: mean distance in thousandths of the image's sides under the best one-to-one assignment, 1000 for each
    missing or surplus point. Counting: absolute error; no number: the label, or UNREAD_COUNT if greater.

    Raises KeyError for an unknown task.
    """
    if task in ("recognition", "scene", "relationship", "reid", "security"):
        return 100.0 * (normal(answer) == normal(label))
    far = 10**7  # boxes are in pixels, whatever the image's size: clip nothing
    said, true = parse_answer(answer, far, far), parse_answer(label, far, far)
    if task == "grounding":
        return 100.0 * matched(said.boxes, true.boxes) / max(1, len(true.boxes))
    if task == "location":
        scale = POINT_RANGE / far
        return assignment_error(*([(x * scale, y * scale) for x, y in a.points] for a in (said, true)))
    if task in NEGATIVE:
        expected = true.count or 0
        return float(abs(said.count - expected) if said.count is not None else max(expected, UNREAD_COUNT))
    raise KeyError(task)


def normal(text: str) -> str:
    """Lower case, single spaces, no full stop at the end."""
    return " ".join(text.casefold().split()).removesuffix(".").strip()


def iou(a: Box, b: Box) -> float:
    """Intersection over union, [0, 1]."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    overlap = max(0.0, width) * max(0.0, height)
    return overlap / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - overlap)


def matched(said: Sequence[Box], true: Sequence[Box], threshold: float = 0.5) -> int:
    """The most pairs (one to one) of IoU >= threshold."""
    if not said or not true:
        return 0
    hits = np.array([[iou(a, b) >= threshold for b in true] for a in said])
    return int(hits[linear_sum_assignment(~hits)].sum())


def assignment_error(said: Sequence[Point], true: Sequence[Point]) -> float:
    """Mean Euclidean distance, at most 1000 a point, over max(said, true) points; the rest counts 1000 each."""
    total = max(len(said), len(true))
    if not said or not true:
        return float(POINT_RANGE) if total else 0.0
    distance = np.hypot(*(np.array(said)[:, None] - np.array(true)[None]).transpose(2, 0, 1)).clip(max=POINT_RANGE)
    paired = distance[linear_sum_assignment(distance)].sum()
    return float((paired + POINT_RANGE * (total - min(len(said), len(true)))) / total)


def constant_answer(task: str, labels: Sequence[str]) -> str:
    """The best answer that looks at nothing, fitted to these very labels (so it flatters the baseline, not the model).

    Choices: the commonest set of option letters (the answer's text is then taken from the label's options by
    `constant_score`). Counting: the median. Location: the middle of the image. Grounding: the median box.
    """
    if task in ("aerial_counting", "pedestrian_counting"):
        return f"<num>{int(np.median([parse_answer(x, 1, 1).count or 0 for x in labels]))}</num>"
    if task == "location":
        return "<pos>[(500, 500)]</pos>"
    if task == "grounding":
        x1, y1, x2, y2 = np.median([box for x in labels for box in parse_answer(x, 10**7, 10**7).boxes[:1]], axis=0)
        return f"<box>[[{x1:.0f}, {y1:.0f}, {x2:.0f}, {y2:.0f}]]</box>"
    keys = [letters(label) for label in labels]
    return max(sorted(set(keys)), key=keys.count)


def constant_score(task: str, labels: Sequence[str]) -> float:
    """The mean score of `constant_answer`."""
    constant = constant_answer(task, labels)
    if task in POSITIVE and task != "grounding":
        return 100.0 * sum(letters(label) == constant for label in labels) / len(labels)
    return float(np.mean([score(task, constant, label) for label in labels]))


def letters(answer: str) -> str:
    """ "(A) person (C) car" -> "AC"; answers without options stay as they are."""
    found = [answer[i + 1] for i in range(len(answer) - 2) if answer[i] == "(" and answer[i + 2] == ")"]
    return "".join(found) or normal(answer)
