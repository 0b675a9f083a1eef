from hypothesis import given
from hypothesis import strategies as st

from core.irgpt.answers import parse_answer
from core.irgpt.prompts import TASK_PROMPTS

pixels = st.integers(0, 640)


def test_boxes_points_and_count_are_read_in_pixels():
    said = (
        "<box>[[10, 20, 30, 40], [5.5,6,7,8]]</box> <ref>car</ref> at <pos>[(500, 250), (0, 1000)]</pos> <num>12</num>"
    )
    answer = parse_answer(said, 640, 512)
    assert answer.text == said
    assert answer.boxes == [(10, 20, 30, 40), (5.5, 6, 7, 8)]
    assert answer.points == [(320, 128), (0, 512)]
    assert answer.count == 12


def test_an_answer_cut_short_keeps_its_whole_boxes():
    assert parse_answer("<box>[[1, 2, 3, 4], [5, 6, 7", 10, 10).boxes == [(1, 2, 3, 4)]


def test_numbers_outside_tags_are_only_words():
    answer = parse_answer("about 12 cars near (3, 4) or [[1, 2, 3, 4]]", 10, 10)
    assert (answer.boxes, answer.points, answer.count) == ([], [], None)


@given(
    st.text(alphabet="<>/boxpsnum[](),.-0123456789 ", max_size=200) | st.text(max_size=200),
    st.integers(1, 5000),
    st.integers(1, 5000),
)
def test_any_text_parses_and_stays_inside_the_image(text, width, height):
    answer = parse_answer(text, width, height)
    for x1, y1, x2, y2 in answer.boxes:
        assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height
    for x, y in answer.points:
        assert 0 <= x <= width and 0 <= y <= height
    assert answer.count is None or answer.count >= 0


@given(pixels, pixels, pixels, pixels)
def test_corners_may_come_in_any_order(x1, y1, x2, y2):
    boxes = parse_answer(f"<box>[[{x1}, {y1}, {x2}, {y2}]]</box>", 640, 640).boxes
    expected = (min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2))
    assert boxes == ([] if x1 == x2 or y1 == y2 else [expected])


@given(st.integers(0, 10**7 - 1))
def test_every_count_round_trips(number):
    assert parse_answer(f"<num>{number}</num>", 1, 1).count == number


def test_there_is_one_prompt_a_task_of_the_paper():
    assert set(TASK_PROMPTS) == {
        "recognition", "scene", "security", "grounding", "location", "relationship", "reid", "aerial_counting",
        "pedestrian_counting",
    }  # fmt: skip
    assert all(prompt == prompt.strip() and prompt for prompt in TASK_PROMPTS.values())
