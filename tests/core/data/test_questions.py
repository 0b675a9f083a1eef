import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.balance import Choice, Listing, even_out, level, systematic
from core.data.phrases import picks, statements
from core.data.questions import MOST_OF_ONE_NUMBER, Draws, Question, questions
from core.data.readers import read_all
from core.data.templates import TEMPLATES
from tests.core.data.scenes import box, record

OPTION = re.compile(r"\(([A-D])\) ([^()]+?)(?= \(|$)")
LISTING_KINDS = [
    (frozenset({"person"}), frozenset({"car", "drone", "bird", "bicycle"})),
    (frozenset({"person", "car"}), frozenset({"bicycle", "drone", "bird"})),
    (frozenset({"drone"}), frozenset({"bird", "person", "bicycle", "car"})),
    (frozenset({"bird"}), frozenset({"drone", "person", "bicycle", "car"})),
    (frozenset({"car", "bicycle"}), frozenset({"person", "drone", "bird"})),
]


def options_of(question: str) -> dict[str, str]:
    return dict(OPTION.findall(question.split("\n")[1]))


def test_the_box_answer_is_absolute_pixels_of_the_one_object() -> None:
    made = questions(record(boxes=(box("car", 320, 256, 40, 20),)), random.Random(0), ["grounding"])
    assert [q.answer for q in made] == ["<box>[[300, 246, 340, 266]]</box>"]


def test_locations_are_thousandths_from_left_to_right() -> None:
    made = questions(record(boxes=(box("car", 480, 256), box("car", 160, 128))), random.Random(0), ["location"])
    assert [q.answer for q in made] == ["<ref>car</ref> at <pos>[(250, 250), (750, 500)]</pos>"]


def test_more_than_ten_objects_are_not_to_be_located() -> None:
    crowd = tuple(box("person", 20 + 50 * i, 100) for i in range(11))
    assert not questions(record(boxes=crowd), random.Random(0), ["location"])


def test_vehicles_and_people_are_counted_and_bicycles_are_neither() -> None:
    seen = record(boxes=(box("car", 19, 19), box("other vehicle", 99, 19), box("bicycle", 9, 99), box("person", 9, 9)))
    counts = {q.task: q.answer for q in questions(seen, random.Random(0)) if "counting" in q.task}
    assert counts == {"aerial_counting": "<num>2</num>"}, "HIT-UAV's bicycles may hide a rider"
    walking = record(boxes=(box("car", 9, 9), box("person", 99, 99)))
    counts = {q.task: q.answer for q in questions(walking, random.Random(0)) if "counting" in q.task}
    assert counts == {"pedestrian_counting": "<num>1</num>"}, "the car may be cut by the edge"


def test_nothing_is_counted_located_or_declared_absent_where_objects_may_be_unlabeled() -> None:
    unsure = record(boxes=(box("car", 9, 9),), dont_care="2")
    draws = Draws.fit([record(boxes=(box(kind, 9, 9),)) for kind in ("car", "person", "bicycle", "other vehicle")])
    assert {q.task for q in questions(unsure, random.Random(0), draws=draws)} <= {"scene"}


@given(st.lists(st.tuples(st.integers(10, 630), st.integers(10, 500)), min_size=2, max_size=8), st.randoms())
def test_a_grounding_phrase_picks_exactly_one_object(centers: list[tuple[int, int]], rng: random.Random) -> None:
    seen = record("roadscene", tuple(box("car", x, y) for x, y in centers))
    for made in questions(seen, rng, ["grounding"]):
        x1, y1, x2, y2 = map(int, re.findall(r"\d+", made.answer))
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        rest = [c for c in centers if abs(c[0] - x) > 1 or abs(c[1] - y) > 1]
        assert len(rest) == len(centers) - 1, "the answer is one of the boxes, and no other lies on it"
        for word, axis, sign in (("leftmost", 0, 1), ("rightmost", 0, -1), ("topmost", 1, 1), ("lowest", 1, -1)):
            if word in made.question:
                assert all(sign * other[axis] > sign * (x, y)[axis] for other in rest)


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.floats(0, 1), min_size=1, max_size=8), st.randoms())
def test_systematic_sampling_draws_what_is_certain_and_never_what_is_impossible(
    chances: dict[str, float], rng: random.Random
) -> None:
    drawn = systematic(chances, rng)
    assert len(set(drawn)) == len(drawn)
    assert {key for key, chance in chances.items() if chance == 1} <= set(drawn)
    assert not {key for key, chance in chances.items() if chance == 0} & set(drawn)


def test_each_listed_option_is_right_a_quarter_of_the_time_however_uneven_the_answers() -> None:
    answers = ["drone"] * 900 + ["bird"] * 300 + ["car"] * 200 + ["person"] * 150 + ["dog"] * 50
    choice, rng = Choice.fit(answers), random.Random(0)
    assert choice is not None
    listed, right, first = Counter[str](), Counter[str](), Counter[int]()
    for answer in answers * 4:
        if options := choice.draw(answer, rng):
            listed.update(options)
            right[answer] += 1
            first[options.index(answer)] += 1
    for option in listed:
        assert right[option] / listed[option] == pytest.approx(0.25, abs=0.05)
    assert max(first.values()) / sum(first.values()) < 0.28


def test_no_question_with_options_is_made_from_fewer_than_four_answers() -> None:
    assert Choice.fit(["car", "car", "person"]) is None


def test_the_answer_to_four_security_options_is_no_better_guessed_than_by_chance() -> None:
    images = [kind for kind, number in zip(LISTING_KINDS, (300, 80, 200, 60, 20), strict=True) for _ in range(number)]
    listing, rng, seen = Listing.fit(images), random.Random(0), Counter[tuple[frozenset[str], frozenset[str]]]()
    for present, absent in images * 3:
        if options := listing.draw(present, absent, rng):
            assert len(set(options)) == 4 and present & set(options) and absent & set(options)
            seen[frozenset(options), absent & frozenset(options)] += 1
    best: dict[frozenset[str], int] = {}
    for (options_, _), number in seen.items():
        best[options_] = max(best.get(options_, 0), number)
    assert sum(best.values()) / sum(seen.values()) < 0.4  # three to five kinds of image share each set of options


def test_a_statement_that_is_always_true_is_never_asked() -> None:
    assert even_out([("a", True)] * 3 + [("b", True)] * 2 + [("b", False)]) == {
        ("a", True): 0.0, ("b", True): 0.5, ("b", False): 1.0,
    }  # fmt: skip


def test_no_number_answers_more_than_its_share_where_that_can_be() -> None:
    keep = level([0] * 600 + [1] * 60 + [2] * 60 + [3] * 60 + [4] * 20, 0.25)
    assert keep == {0: pytest.approx(66 / 600), 1: 1.0, 2: 1.0, 3: 1.0, 4: 1.0}
    assert level([0] * 50 + [1] * 30 + [2], 0.25)[0] == 0.6
    assert level([0] * 20 + [1] * 19 + [2] * 9 + [3] * 6 + [4] * 8, 0.25)[1] < 0.8, "both frequent ones are cut"
    assert level([7] * 9, 0.25) == {7: 0.0}


def test_a_statement_may_name_the_place_in_a_row_from_the_left() -> None:
    seen = record("roadscene", (box("car", 100, 100), box("car", 300, 100), box("person", 500, 100)))
    assert ("the person|0|the second car from the left", True) in statements(seen)
    assert ("a car|0|the person", False) in statements(seen)
    close = record("roadscene", (box("car", 100, 100), box("car", 105, 100), box("person", 500, 100)))
    assert not [s for s, _ in statements(close) if "from the left" in s], "two cars too close to tell apart"


def test_thirds_and_neighbours_pick_one_object() -> None:
    cars = (box("car", 100, 100), box("car", 550, 300, 60, 40), box("car", 600, 100))
    seen = record("roadscene", (*cars, box("dog", 320, 99)))
    chosen = dict(picks(seen))
    assert chosen["the car in the left third of the image"] == seen.boxes[0]
    assert chosen["the largest car in the right third of the image"] == seen.boxes[1]
    assert "the car in the right third of the image" not in chosen, "there are two"
    pair = dict(picks(record("roadscene", (box("person", 100, 100), box("car", 300, 200)))))
    assert pair["the person to the left of the car"].category == "person"


@pytest.fixture(scope="module")
def made(data_root: Path) -> dict[str, list[Question]]:
    """All questions on the real train and test parts, seed 0."""
    records, parts = read_all(data_root), {}
    for split in ("train", "test"):
        part = [r for r in records if r.split == split]
        draws = Draws.fit(part)
        parts[split] = [q for r in part for q in questions(r, random.Random(f"0/{r.id}"), draws=draws)]
    return parts


def test_every_task_has_questions_in_train_and_test(made: dict[str, list[Question]]) -> None:
    for part in made.values():
        counts = Counter(q.task for q in part)
        assert set(counts) == set(TEMPLATES) - {"reid"} and min(counts.values()) >= 15, counts


def test_every_answer_has_its_tasks_format(made: dict[str, list[Question]]) -> None:
    number = r"\d+"
    formats = {
        "recognition": r"\([A-D]\) .+", "scene": r"\([A-D]\) .+", "relationship": "yes|no",
        "security": r"\([A-D]\) [a-z ]+( \([A-D]\) [a-z ]+){0,2}",
        "grounding": rf"<box>\[\[{number}, {number}, {number}, {number}\]\]</box>",
        "location": rf"<ref>[a-z ]+</ref> at <pos>\[(\({number}, {number}\)(, )?)+\]</pos>",
        "aerial_counting": rf"<num>{number}</num>", "pedestrian_counting": rf"<num>{number}</num>",
    }  # fmt: skip
    for question in (q for part in made.values() for q in part):
        assert re.fullmatch(formats[question.task], question.answer), question


@pytest.mark.parametrize("task", ["recognition", "scene"])
def test_the_options_alone_do_not_tell_the_right_one(made: dict[str, list[Question]], task: str) -> None:
    right, listed = Counter[str](), Counter[str]()
    for q in (q for q in made["train"] if q.task == task):
        right[q.answer[4:]] += 1
        listed.update(options_of(q.question).values())
    asked = [q for q in made["test"] if q.task == task]
    guesses = [max(options_of(q.question).values(), key=lambda c: right[c] / max(listed[c], 1)) for q in asked]
    hits = sum(guess == q.answer[4:] for guess, q in zip(guesses, asked, strict=True))
    assert hits / len(asked) < 0.32
    assert max(Counter(q.answer[1] for q in asked).values()) / len(asked) < 0.32, "the best constant letter"


def test_what_is_absent_can_not_be_told_from_the_options(made: dict[str, list[Question]]) -> None:
    usual: dict[frozenset[str], Counter[frozenset[str]]] = {}
    absent = {q.id: frozenset(options_of(q.question)[letter] for letter in re.findall(r"\(([A-D])\)", q.answer))
              for part in made.values() for q in part if q.task == "security"}  # fmt: skip
    for q in (q for q in made["train"] if q.task == "security"):
        usual.setdefault(frozenset(options_of(q.question).values()), Counter())[absent[q.id]] += 1
    asked = [q for q in made["test"] if q.task == "security"]
    hits, chance = 0, 0.0
    for q in asked:
        if seen := usual.get(frozenset(options_of(q.question).values())):
            hits += seen.most_common(1)[0][0] == absent[q.id]
            chance += 1 / len(seen)
    assert hits / len(asked) < chance / len(asked) + 0.08


def test_yes_and_no_are_equally_frequent(made: dict[str, list[Question]]) -> None:
    for part in made.values():
        answers = [q.answer for q in part if q.task == "relationship"]
        assert answers.count("yes") / len(answers) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("task", ["aerial_counting", "pedestrian_counting", "grounding", "location"])
def test_no_constant_number_box_or_point_is_often_right(made: dict[str, list[Question]], task: str) -> None:
    for part in made.values():
        answers = Counter(q.answer for q in part if q.task == task)
        share, asked = answers.most_common(1)[0][1] / answers.total(), answers.total()
        assert share < (MOST_OF_ONE_NUMBER + 1 / asked**0.5 if "counting" in task else 0.02)  # drawn: 2 sd above
