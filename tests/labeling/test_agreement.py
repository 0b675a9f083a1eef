import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from labeling import masks
from labeling.agreement import agree, between, dice, mask_distance, over

MASKS = hnp.arrays(np.bool_, st.shared(st.tuples(st.integers(1, 9), st.integers(1, 9)), key="size"))


def box(*xyxy: int, label: str = "ship") -> dict:
    return {"label": label, "xyxy": list(xyxy)}


def point(x: int, y: int) -> dict:
    return {"label": "", "xy": [x, y]}


def mask(*pixels: tuple[int, int]) -> dict:
    grid = np.zeros((6, 8), bool)
    for x, y in pixels:
        grid[y, x] = True
    return masks.encode(grid)


@settings(max_examples=60)
@given(one=MASKS, other=MASKS)
def test_dice_over_runs_equals_dice_over_pixels(one: np.ndarray, other: np.ndarray) -> None:
    total = one.sum() + other.sum()
    slow = 2 * (one & other).sum() / total if total else 1.0
    assert dice(masks.encode(one), masks.encode(other)) == pytest.approx(slow)


@settings(max_examples=30)
@given(one=MASKS, other=MASKS)
def test_the_distance_of_masks_is_that_of_their_mean_pixels(one: np.ndarray, other: np.ndarray) -> None:
    if not one.any() or not other.any():
        assert mask_distance(masks.encode(one), masks.encode(other)) is None
    else:
        slow = math.dist(np.argwhere(one).mean(axis=0), np.argwhere(other).mean(axis=0))
        assert mask_distance(masks.encode(one), masks.encode(other)) == pytest.approx(slow)


@pytest.mark.parametrize(
    ("field", "one", "other", "expected"),
    [
        ("mask", mask((1, 1)), mask((1, 1)), 1.0),
        ("mask", mask((1, 1)), mask((2, 1)), 0.0),
        ("mask", mask(), mask(), 1.0),
        ("mask", None, None, None),
        ("mask", mask((1, 1)), None, 0.0),
        ("boxes", [box(0, 0, 2, 2)], [box(0, 0, 2, 2)], 1.0),
        ("boxes", [box(0, 0, 2, 2)], [box(1, 0, 3, 2)], 1 / 3),
        ("boxes", [box(0, 0, 2, 2), box(4, 4, 6, 6)], [box(4, 4, 6, 6)], 0.5),
        ("boxes", [box(0, 0, 2, 2)], [box(0, 0, 2, 2, label="car")], 0.0),
        ("boxes", [box(0, 0, 2, 2)], [], 0.0),
        ("boxes", [], [], None),
        ("points", [point(0, 0), point(9, 9)], [point(9, 8), point(1, 1)], 1.0),
        ("points", [point(0, 0)], [point(9, 9)], 0.0),
        ("caption_fine", "A ship, at sea.", "a ship at sea", 1.0),
        ("caption_fine", "a ship at sea", "two cars", 0.0),
        ("caption_fine", "", "a ship", 0.0),
        ("caption_fine", "", None, None),
        ("questions", [{"question": "How many?", "answer": "Two."}], [{"question": "how many", "answer": "two"}], 1.0),
        ("questions", [{"question": "How many?", "answer": "2"}], [{"question": "How many?", "answer": "3"}], 0.0),
        ("tags", ["a", "b"], ["b", "c"], 1 / 3),
        ("quality", "good", "good", 1.0),
        ("quality", "good", "limited", 0.0),
    ],
)
def test_each_field_agrees_by_its_own_measure_whichever_comes_first(field, one, other, expected) -> None:
    for value in (agree(field, one, other), agree(field, other, one)):
        assert value == expected if expected is None else value == pytest.approx(expected)


def test_fields_that_nobody_fills_are_left_out() -> None:
    assert between([{"quality": "good"}, {"quality": "good", "caption_fine": ""}]) == {"quality": 1.0}


def test_alpha_takes_away_what_chance_gives() -> None:
    """Two coders, ten units, from Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011, example A: 0.095."""
    ann, bob = "0100000000", "1110010010"
    items = [{"ann": {"quality": f"q{a}"}, "bob": {"quality": f"q{b}"}} for a, b in zip(ann, bob, strict=True)]
    quality = next(found for found in over(items) if found.field == "quality")
    assert quality.mean == pytest.approx(0.6) and quality.alpha == pytest.approx(0.095, abs=5e-4)


def test_an_alpha_that_is_not_defined_is_said_to_be_so() -> None:
    same = over(
        [{"ann": {"quality": "good", "caption_fine": "x"}, "bob": {"quality": "good", "caption_fine": "x"}}] * 3
    )
    for found in same:
        assert found.alpha is None and found.note
    assert {found.field: found.mean for found in same if found.mean is not None} == {
        "caption_fine": 1.0,
        "quality": 1.0,
    }
