import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from db import log, queries
from db.engine import session_scope
from db.models import SHARED
from labeling import masks
from labeling.items import Conflict, Taken
from labeling.seed import seed
from labeling.studio import SKIP_REASONS, Filter, Studio
from tests.conftest import ROOT
from tests.labeling.conftest import new, open_studio

MASK = masks.encode(np.eye(5, 7, dtype=bool))


def keys():
    number = iter(range(10**6))
    return lambda: f"key-{next(number):08d}"


key = keys()


def replayed_equals_projection(studio: Studio) -> bool:
    with session_scope(studio.engine) as session:
        for item in queries.all_items(session, 1):
            version, documents = log.replay(log.events_of(session, item.id))
            if (version, log.state_of(documents)) != (item.current.version, item.current.state):
                return False
            if documents.get(SHARED, log.BLANK)[1] != item.current.fields:
                return False
    return True


class TestQueue:
    def test_imported_images_come_in_order_with_higher_priority_first(self, studio: Studio) -> None:
        studio.import_items([new(1), new(2), new(3, priority=1)])
        first = studio.next_item()
        assert first and first.name == "image 3.png"
        studio.skip("ann", first.id, first.version, SKIP_REASONS[0], key())
        assert studio.next_item().name == "image 1.png"

    def test_the_same_bytes_are_one_item(self, studio: Studio) -> None:
        assert studio.import_items([new(1), new(1)]).known == 1
        assert studio.progress().total == 1

    def test_a_bad_file_is_named_and_the_rest_goes_on(self, studio: Studio) -> None:
        bad = new(9)
        bad = type(bad)(b"no image", "../../x.png", "", "")
        result = studio.import_items([new(1), bad, new(2)])
        assert result.added == 2 and result.refused[0][0] == "x.png"

    def test_an_empty_queue_says_none(self, studio: Studio) -> None:
        assert studio.next_item() is None and studio.last_of("ann") is None
        assert studio.progress().total == 0 and studio.find(Filter()).items == ()

    def test_no_user_given_name_reaches_the_store(self, studio: Studio, tmp_path: Path) -> None:
        item = new(1)
        studio.import_items([type(item)(item.data, "..\\..\\evil/../x\n.png", "s", "l")])
        view = studio.next_item()
        assert view.name == "x.png" and studio.image(view) == item.data
        assert [path.name for path in (tmp_path / "store").rglob("*") if path.is_file()] == [view.sha256]

    def test_a_damaged_image_in_the_store_is_noticed(self, studio: Studio, tmp_path: Path) -> None:
        studio.import_items([new(1)])
        view = studio.next_item()
        next(path for path in (tmp_path / "store").rglob("*") if path.is_file()).write_bytes(b"other")
        with pytest.raises(InputError, match="damaged"):
            studio.image(view)

    def test_an_empty_studio_is_seeded_with_the_examples_once(self, studio: Studio) -> None:
        assert seed(studio, ROOT / "examples") == studio.progress().drafts > 0
        assert seed(studio, ROOT / "examples") == 0
        assert studio.next_item().fields["caption_global"]


class TestSaving:
    def test_a_save_is_there_after_the_studio_is_opened_again(self, studio: Studio, tmp_path: Path, url: str) -> None:
        studio.import_items([new(1)])
        fields = {"caption_global": " a  <b>sky</b>\n", "caption_fine": "", "mask": MASK, "tags": ["b", "a", "b", ""]}
        saved = studio.save("ann", 1, 0, fields, key())
        assert open_studio(tmp_path, url).item(1) == saved
        assert saved.fields == {"caption_global": "a <b>sky</b>", "caption_fine": "", "mask": MASK, "tags": ["a", "b"]}
        assert (saved.version, saved.state, saved.user) == (1, "refined", "ann")

    def test_the_same_key_twice_is_one_save(self, studio: Studio) -> None:
        studio.import_items([new(1)])
        once = key()
        first = studio.save("ann", 1, 0, {"caption_global": "a"}, once)
        assert studio.save("ann", 1, 0, {"caption_global": "a"}, once) == first

    def test_a_key_can_not_be_used_for_another_item_or_person(self, studio: Studio) -> None:
        studio.import_items([new(1), new(2)])
        once = key()
        studio.save("ann", 1, 0, {}, once)
        for user, item in (("ann", 2), ("bob", 1)):
            with pytest.raises(InputError, match="key"):
                studio.save(user, item, 0, {}, once)

    def test_a_stale_save_overwrites_nothing_and_shows_what_is_there(self, studio: Studio) -> None:
        studio.import_items([new(1)])
        studio.save("ann", 1, 0, {"caption_global": "by ann"}, key())
        with pytest.raises(Conflict, match="ann") as conflict:
            studio.save("bob", 1, 0, {"caption_global": "by bob"}, key())
        assert conflict.value.theirs == studio.item(1)
        assert studio.item(1).fields["caption_global"] == "by ann"

    @pytest.mark.parametrize(
        "fields",
        [
            {"mask": {"size": [5, 7], "runs": []}},
            {"caption_global": 3},
            {"caption_fine": "x" * 4001},
            {"tags": "a"},
            {"tags": [1]},
            {"tags": ["x" * 51]},
            {"state": "refined"},
            {"reason": "x"},
        ],
    )
    def test_bad_fields_are_refused_and_nothing_is_stored(self, studio: Studio, fields: dict) -> None:
        studio.import_items([new(1)])
        with pytest.raises(InputError):
            studio.save("ann", 1, 0, {"caption_global": "good", **fields}, key())
        assert studio.item(1).version == 0 and studio.item(1).fields == {}

    @pytest.mark.parametrize("item", [0, -1, 99, 2**70, "1", None, True, 1.0])
    def test_an_item_that_is_none_is_refused(self, studio: Studio, item: object) -> None:
        studio.import_items([new(1)])
        with pytest.raises(InputError):
            studio.save("ann", item, 0, {}, key())  # type: ignore[arg-type]
        with pytest.raises(InputError):
            studio.skip("ann", item, 0, SKIP_REASONS[0], key())  # type: ignore[arg-type]

    @pytest.mark.parametrize(("version", "name"), [(None, "k" * 8), ("0", "k" * 8), (0, ""), (0, "k" * 65), (0, None)])
    def test_an_incomplete_save_is_refused(self, studio: Studio, version: object, name: object) -> None:
        studio.import_items([new(1)])
        with pytest.raises(InputError, match="incomplete"):
            studio.save("ann", 1, version, {}, name)  # type: ignore[arg-type]

    def test_characters_that_databases_refuse_are_left_out(self, studio: Studio) -> None:
        studio.import_items([new(1)])
        assert (
            studio.save("ann", 1, 0, {"caption_global": "a\0b\ud800c\u202e"}, key()).fields["caption_global"] == "abc"
        )

    def test_a_skip_needs_a_reason_and_keeps_the_fields(self, studio: Studio) -> None:
        studio.import_items([new(1, drafts={"caption_global": "draft"})])
        with pytest.raises(InputError, match="why"):
            studio.skip("ann", 1, 1, "", key())
        skipped = studio.skip("ann", 1, 1, "other", key())
        assert skipped.state == "skipped" and skipped.fields == {"caption_global": "draft", "reason": "other"}
        assert "reason" not in studio.save("bob", 1, 2, {}, key()).fields


class TestUndo:
    def test_undo_brings_back_what_was_there_and_keeps_the_history(self, studio: Studio) -> None:
        studio.import_items([new(1, drafts={"caption_global": "draft"})])
        studio.save("ann", 1, 1, {"caption_global": "new", "mask": MASK}, key())
        undone = studio.undo("ann")
        assert (undone.state, undone.fields, undone.version) == ("draft", {"caption_global": "draft"}, 3)
        assert replayed_equals_projection(studio)

    def test_undo_again_takes_back_the_save_before(self, studio: Studio) -> None:
        studio.import_items([new(1), new(2)])
        studio.save("ann", 1, 0, {"caption_global": "one"}, key())
        studio.save("ann", 2, 0, {"caption_global": "two"}, key())
        assert studio.undo("ann").id == 2
        assert studio.last_of("ann").id == 1
        assert studio.undo("ann").id == 1
        with pytest.raises(InputError, match="nothing of yours"):
            studio.undo("ann")

    def test_undo_never_takes_away_what_somebody_else_did_since(self, studio: Studio) -> None:
        studio.import_items([new(1)])
        studio.save("ann", 1, 0, {"caption_global": "ann"}, key())
        studio.save("bob", 1, 1, {"caption_fine": "bob"}, key())
        with pytest.raises(InputError, match="bob"):
            studio.undo("ann")
        assert studio.item(1).fields == {"caption_global": "ann", "caption_fine": "bob"}


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["save", "stale", "skip", "undo"]),
        st.sampled_from(["ann", "bob"]),
        st.integers(1, 3),
        st.dictionaries(st.sampled_from(["caption_global", "caption_fine"]), st.sampled_from(["", "a", "b"])),
    ),
    max_size=20,
)


@settings(max_examples=12)
@given(operations=OPERATIONS)
def test_replaying_the_log_always_gives_the_projection(
    operations: list, tmp_path_factory: pytest.TempPathFactory
) -> None:
    studio = open_studio(tmp_path_factory.mktemp("replay"))
    studio.import_items([new(1), new(2, drafts={"caption_global": "draft"}), new(3)])
    for what, user, item, fields in operations:
        version = studio.item(item).version
        try:
            if what == "undo":
                studio.undo(user)
            elif what == "skip":
                studio.skip(user, item, version, "other", key())
            else:
                studio.save(user, item, version - (what == "stale"), fields, key())
        except InputError as error:  # Taken: somebody who undid their save has the item on their desk again
            assert what in ("undo", "stale") or isinstance(error, Taken)
            assert studio.item(item).version == version
    assert replayed_equals_projection(studio)
    studio.engine.dispose()


def test_eight_writers_on_one_item_lose_no_accepted_save(studio: Studio) -> None:
    studio.import_items([new(1)])
    accepted, conflicts, failures = [], [], []

    def write(name: str) -> None:
        done = 0
        while done < 10:
            version = studio.item(1).version
            try:
                saved = studio.save(name, 1, version, {"caption_global": f"{name} {done}"}, f"key-{name}-{done}")
                accepted.append((saved.version, name, done))
                done += 1
            except Conflict:
                conflicts.append(name)
            except Exception as error:
                failures.append(error)
                return

    threads = [threading.Thread(target=write, args=(f"writer{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert sorted(version for version, _, _ in accepted) == list(range(1, 81))
    with session_scope(studio.engine) as session:
        logged = [event.payload for event in log.events_of(session, 1) if event.field == "caption_global"]
    assert sorted(logged) == sorted(f"writer{writer} {done}" for writer in range(8) for done in range(10))
    assert replayed_equals_projection(studio)
