"""Several people on one project, on both databases: answers apart, leases, review, test items, bulk actions, search."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import InputError
from labeling import masks
from labeling.bulk import Action
from labeling.items import Conflict, Taken
from labeling.studio import GOLD_EVERY, Filter, Forbidden, Studio
from tests.labeling.conftest import Clock, keys, new, open_studio

MASK = {"size": [7, 5], "runs": [3, 2]}
FAR = {"size": [7, 5], "runs": [30, 2]}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def team(tmp_path: Path, url: str, clock: Clock) -> Iterator[Studio]:
    """Project 2 wants two answers an item and has items 1 and 2; rev is a reviewer, boss an owner."""
    studio = open_studio(tmp_path, url, clock=clock, owners=("boss",))
    studio.team.create_project("boss", "apart", answers=2)
    studio.team.set_role("boss", "rev", "reviewer")
    studio.team.set_role("boss", "eve", "viewer")
    studio.import_items([new(1), new(2)], project=2)
    yield studio
    studio.engine.dispose()


key = keys()


def answer(studio: Studio, user: str, **fields: object) -> int:
    """Take the next item of project 2 and answer it. Returns its number."""
    view = studio.next_item(user, 2)
    assert view is not None
    studio.save(user, view.id, view.version, fields, key())
    return view.id


def test_an_item_gets_exactly_its_answers_and_then_waits_for_a_reviewer(team: Studio) -> None:
    assert [answer(team, "ann", mask=MASK), answer(team, "bob", mask=FAR)] == [1, 1]
    assert team.next_item("cid", 2).id == 2 and team.item(1).state == "review"
    with pytest.raises(Taken, match="all its answers"):
        team.save("cid", 1, team.item(1).version, {"mask": MASK}, key())
    assert team.review.next_item("rev", 2).id == 1
    assert [given.user for given in team.review.answers("rev", 1)] == ["ann", "bob"]
    compared = team.review.compare("rev", 1)
    assert compared.fields == {"mask": 0.0} and compared.apart == pytest.approx(4.12, abs=0.01)
    team.review.decide("rev", 1, team.item(1).version, {"mask": MASK}, key())
    (about,) = [one for one in team.review.agreement(2) if one.items]
    assert (about.field, about.mean, about.alpha) == ("mask", 0.0, None) and "not defined" in about.note
    assert team.team.person("ann", 2).decisions == 1.0 and team.team.person("bob", 2).decisions == 0.0


def test_a_place_is_held_until_its_time_runs_out_and_a_sign_of_life_holds_it_longer(team: Studio, clock: Clock) -> None:
    assert {team.next_item("ann", 2).id, team.next_item("bob", 2).id} == {1}
    assert team.next_item("cid", 2).id == 2
    clock.pass_minutes(14)
    team.heartbeat("ann", 1)
    clock.pass_minutes(10)  # bob's time is over, ann's is not
    assert team.next_item("dan", 2).id == 1
    with pytest.raises(Taken, match="dan"):
        team.save("bob", 1, 0, {"mask": MASK}, key())
    assert team.save("ann", 1, 0, {"mask": MASK}, key()).answered


def test_who_gives_an_item_back_gets_the_others_first(team: Studio) -> None:
    assert team.next_item("ann", 2).id == 1
    team.release("ann", 1)
    assert team.next_item("ann", 2).id == 2
    team.release("ann", 2)
    assert team.next_item("ann", 2).id == 1


def test_two_decisions_at_once_are_a_conflict(team: Studio) -> None:
    answer(team, "ann", caption_fine="a"), answer(team, "bob", caption_fine="b")
    version = team.item(1).version
    team.review.decide("rev", 1, version, {"caption_fine": "a"}, key())
    with pytest.raises(Conflict):
        team.review.decide("boss", 1, version, {"caption_fine": "b"}, key())
    assert team.item(1).fields["caption_fine"] == "a"


def test_test_items_come_to_everybody_and_tell_how_good_they_are(team: Studio) -> None:
    team.review.set_gold("boss", 2, 0, {"mask": MASK}, key())
    assert team.next_item("ann", 2).id == 2  # the first of GOLD_EVERY
    assert "mask" not in team.open("ann", 2).fields
    team.save("ann", 2, team.open("ann", 2).version, {"mask": FAR}, key())
    assert (team.team.person("ann", 2).gold, team.team.person("ann", 2).gold_items) == (0.0, 1)
    assert team.next_item("ann", 2).id == 1 and GOLD_EVERY > 1


def test_every_writing_call_asks_for_its_role(team: Studio) -> None:
    calls = {
        "eve": (
            lambda: team.next_item("eve", 2),
            lambda: team.save("eve", 1, 0, {}, key()),
            lambda: team.skip("eve", 1, 0, "other", key()),
            lambda: team.release("eve", 1),
            lambda: team.heartbeat("eve", 1),
            lambda: team.undo("eve"),
        ),
        "ann": (
            lambda: team.review.next_item("ann", 2),
            lambda: team.review.answers("ann", 1),
            lambda: team.review.decide("ann", 1, 0, {}, key()),
            lambda: team.bulk.undo_all_of("ann", "bob"),
            lambda: team.bulk.undo("ann", "batch"),
            lambda: team.bulk.preview("ann", Filter(), Action("tag", "x")),
            lambda: team.export(Path("x"), "v1", "ann"),
            lambda: team.restore_version("ann", 1, 0, 0, key()),
        ),
        "rev": (
            lambda: team.review.set_gold("rev", 1, 0, {}, key()),
            lambda: team.team.set_role("rev", "rev", "owner"),
            lambda: team.team.create_project("rev", "x"),
            lambda: team.import_items([new(9)], "rev"),
            lambda: team.bulk.apply("rev", Filter(), Action("priority", 1), 2, 2),
        ),
    }
    for who, tries in calls.items():
        for call in tries:
            with pytest.raises(Forbidden, match=f"you are a {team.team.role(who)} here"):
                call()
    assert team.progress(2).total == 2 and team.item(1).version == 0


def test_nobody_has_a_name_that_means_something_else(team: Studio) -> None:
    for user in ("", " ", "(import)x", "(gold)", "x" * 101, None, 7):
        with pytest.raises(InputError):
            team.save(user, 1, 0, {}, key())  # type: ignore[arg-type]


def test_a_bulk_action_is_one_unit_to_take_back_and_leaves_newer_work_alone(studio: Studio) -> None:
    studio.import_items([new(n, drafts={"caption_global": f"a ship {n}"}) for n in range(4)])
    wanted = Filter(text="ship")
    assert studio.bulk.preview("local", wanted, Action("tag", "sea")).changed == 4
    done = studio.bulk.apply("local", wanted, Action("tag", "sea"), 4)
    assert [item.fields["tags"] for item in studio.find(Filter(text="sea")).items] == [["sea"]] * 4
    studio.save("ann", 1, studio.item(1).version, {"tags": ["sea", "mine"]}, key())
    back = studio.bulk.undo("local", done.batch)
    assert back.changed == 3 and [item for item, _ in back.kept] == [1]
    assert studio.item(1).fields["tags"] == ["mine", "sea"] and "tags" not in studio.item(2).fields
    studio.save("spam", 2, studio.item(2).version, {"caption_global": "buy"}, key())
    assert studio.bulk.undo_all_of("local", "spam").changed == 1
    assert studio.item(2).fields["caption_global"] == "a ship 1"


def test_the_models_doubt_and_their_difference_from_people_order_the_queue(studio: Studio) -> None:
    studio.import_items([new(n, drafts={"mask": MASK}) for n in range(3)])
    for item, score, mask in ((1, 0.9, MASK), (2, 0.2, FAR)):
        studio.suggest(item, {"mask": mask}, "lgnet", "1", score)
    studio.bulk.apply("local", Filter(), Action("order", "uncertainty"), 2)
    assert [studio.item(item).priority for item in (1, 2, 3)] == [10, 80, 0] and studio.next_item("ann").id == 2
    studio.bulk.apply("local", Filter(), Action("order", "disagreement"), 2)
    assert [studio.item(item).priority for item in (1, 2, 3)] == [0, 100, 0]
    assert studio.unsuggested(9) == [3]


def test_what_people_make_of_suggestions_is_counted_by_model_version(studio: Studio) -> None:
    studio.import_items([new(n) for n in range(3)])
    values = {"mask": MASK, "caption_global": "a ship"}
    for item, mask in ((1, MASK), (2, FAR), (3, {"size": [7, 5], "runs": []})):
        studio.suggest(item, values, "lgnet", "v2", 0.5)
        studio.save("ann", item, 0, {"mask": mask}, key())
    (about,) = studio.team.acceptance()
    assert (about.model, about.version, about.field) == ("lgnet", "v2", "mask")
    assert (about.accepted, about.edited, about.rejected) == (1, 1, 1) and about.rate == pytest.approx(1 / 3)
    studio.undo("ann")
    assert studio.team.acceptance()[0].rejected == 0


def test_items_are_found_by_words_state_person_and_time(team: Studio, clock: Clock) -> None:
    first = clock()
    clock.pass_minutes(5)
    answer(team, "ann", caption_fine="Zwei Schiffe, drei Drohnen")
    answer(team, "bob", caption_fine="nothing")
    team.review.decide("rev", 1, team.item(1).version, {"caption_fine": "Zwei Schiffe, drei Drohnen"}, key())
    found = lambda **wanted: [item.id for item in team.find(Filter(**wanted), 2).items]  # noqa: E731
    assert found(text="schif droh") == [1] and found(text="schiffe nirgends") == []
    assert found(states=("refined",)) == [1] and found(states=("draft",)) == [2]
    assert found(person="ann") == [1] and found(person="eve") == []
    assert found(since=first + 1) == [1] and found(until=first + 1) == [2]
    for hostile in ('"', "a OR", "NEAR(", "*", "'; DROP TABLE item", "a & | !", "\\", "ш"):
        assert isinstance(found(text=hostile), list)


def test_saves_a_day_are_counted_where_nothing_was_taken_back(team: Studio, clock: Clock) -> None:
    answer(team, "ann", mask=MASK)
    clock.pass_minutes(24 * 60)
    answer(team, "ann", mask=MASK)
    assert [count for _, count in team.team.throughput(2, days=3)] == [0, 1, 1]
    team.undo("ann")
    assert [count for _, count in team.team.throughput(2, "ann", days=3)] == [0, 1, 0]
    assert team.team.person("ann", 2).seconds == 0.0 and masks.area(MASK) == 2
