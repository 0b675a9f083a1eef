from dataclasses import replace

import pytest

from core.data.labels import apart, complete, countable, cut, distinct
from core.data.phrases import groups_of
from tests.core.data.scenes import box, record

CAR = box("car", 300, 200, 60, 30)


def test_a_drone_that_looks_ahead_or_a_box_of_impossible_size_makes_labels_incomplete() -> None:
    assert complete(record(boxes=(CAR,)))
    assert not complete(record(boxes=(box("car", 300, 200, 200, 90),))), "a building"
    assert not complete(record(boxes=(CAR,), camera_angle_deg="30")), "far objects are not labelled"
    assert not complete(record(boxes=(box("car", 300, 200, 9, 9),))), "a person labelled as a car"
    assert not complete(record(boxes=(box("person", 300, 200, 60, 30),))), "a car labelled as a person"
    assert complete(record("roadscene", (box("car", 300, 200, 9, 9),))), "no height, no impossible size"


@pytest.mark.parametrize("told", [{"dont_care": "1"}, {"objects": "unlabelled"}])
def test_what_the_source_says_of_its_gaps_is_believed(told: dict[str, str]) -> None:
    assert not complete(record("roadscene", (CAR,), **told))


def test_only_few_whole_objects_apart_from_each_other_are_counted() -> None:
    seen = record("roadscene")
    row = [box("car", 60 + 50 * n, 200, 30, 30) for n in range(11)]
    assert countable(row[:10], seen, 8) and not countable(row, seen, 8), "more than ten"
    assert not countable(row[:2], seen, 31), "too small"
    edge = box("car", 12, 200)
    assert cut(edge, seen) and not countable([edge], seen, 8)


def test_cars_side_by_side_are_apart_and_a_crowd_is_not() -> None:
    assert apart([box("car", 100, 100, 40, 40), box("car", 132, 100, 40, 40)])
    assert not apart([box("car", 100, 100, 40, 40), box("car", 110, 100, 40, 40)])


def test_parts_of_a_mask_that_nearly_touch_may_be_one_target() -> None:
    assert distinct([box("small target", 10, 10, 4, 4), box("small target", 20, 10, 4, 4)])
    assert not distinct([box("small target", 10, 10, 4, 4), box("small target", 15, 10, 4, 4)])


def test_phrases_on_drone_images_speak_of_uncropped_objects_and_leave_doubtful_categories_out() -> None:
    seen = record(boxes=(CAR, box("person", 500, 100)))
    assert groups_of(seen) == {"uncropped car": [CAR], "uncropped person": [seen.boxes[1]]}
    doubtful = replace(seen, boxes=(CAR, box("car", 20, 100, 60, 30), seen.boxes[1]))
    assert list(groups_of(doubtful)) == ["uncropped person"]
    assert list(groups_of(record("roadscene", doubtful.boxes))) == ["car", "person"]
