import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.irgpt.metrics import NEGATIVE, POSITIVE, assignment_error, constant_score, iou, matched, score

points = st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=4)


@pytest.mark.parametrize(
    ("task", "answer", "label", "expected"),
    [
        ("recognition", " (A)  Person. ", "(A) person", 100),
        ("recognition", "(B) car", "(A) person", 0),
        ("security", "(A) car (B) dog", "(A) car", 0),
        ("relationship", "Yes", "yes", 100),
        ("grounding", "<box>[[0, 0, 10, 10]]</box>", "<box>[[0, 0, 10, 20]]</box>", 100),
        ("grounding", "<box>[[0, 0, 10, 9]]</box>", "<box>[[0, 0, 10, 20]]</box>", 0),
        ("grounding", "no idea", "<box>[[0, 0, 10, 20]]</box>", 0),
        ("location", "<pos>[(103, 204)]</pos>", "<pos>[(100, 200)]</pos>", 5),
        ("location", "<pos>[(100, 200), (5, 5)]</pos>", "<pos>[(100, 200)]</pos>", 500),
        ("location", "nothing", "<pos>[(100, 200)]</pos>", 1000),
        ("aerial_counting", "<num>7</num>", "<num>9</num>", 2),
        ("aerial_counting", "seven", "<num>9</num>", 100),
        ("pedestrian_counting", "", "<num>300</num>", 300),
    ],
)
def test_scores_follow_the_stated_rules(task, answer, label, expected):
    assert score(task, answer, label) == pytest.approx(expected, abs=1e-6)


def test_the_perfect_answer_gets_the_best_score_in_every_task():
    labels = {"grounding": "<box>[[1, 2, 3, 4]]</box>", "location": "<pos>[(1, 2)]</pos>"}
    for task in POSITIVE:
        label = labels.get(task, "(A) car")
        assert score(task, label, label) == 100
    for task in NEGATIVE:
        label = labels.get(task, "<num>3</num>")
        assert score(task, label, label) == pytest.approx(0)


def test_an_unknown_task_is_refused():
    with pytest.raises(KeyError):
        score("poetry", "a", "b")


def test_iou_agrees_with_counting_pixels():
    a, b = (2, 3, 9, 8), (5, 1, 12, 6)
    cells = [np.zeros((16, 16), bool) for _ in range(2)]
    for grid, (x1, y1, x2, y2) in zip(cells, (a, b), strict=True):
        grid[y1:y2, x1:x2] = True
    assert iou(a, b) == pytest.approx((cells[0] & cells[1]).sum() / (cells[0] | cells[1]).sum())


def test_one_box_matches_at_most_one_label():
    assert matched([(0, 0, 10, 10)], [(0, 0, 10, 10), (0, 0, 10, 9)]) == 1


@given(points, points)
def test_assignment_error_agrees_with_trying_every_pairing(said, true):
    few, many = sorted((said, true), key=len)
    distances = [[min(1000.0, float(np.hypot(a[0] - b[0], a[1] - b[1]))) for b in many] for a in few]
    best = min(
        sum(distances[i][j] for i, j in enumerate(order))
        for order in itertools.permutations(range(len(many)), len(few))
    )
    expected = (best + 1000 * (len(many) - len(few))) / len(many)
    assert assignment_error(said, true) == pytest.approx(expected)


def test_the_constant_baseline_is_the_best_single_answer():
    assert constant_score("recognition", ["(A) car", "(B) car", "(A) dog", "(C) car"]) == 50
    assert constant_score("relationship", ["yes", "no", "no"]) == pytest.approx(200 / 3)
    assert constant_score("aerial_counting", ["<num>1</num>", "<num>2</num>", "<num>9</num>"]) == pytest.approx(8 / 3)
