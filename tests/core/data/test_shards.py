"""The build's work folder: records survive it unchanged, results are made once, interruptions lose nothing."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data import shards
from core.data.records import Box, Exchange, Record
from core.data.shards import make_results, of_row, rows_of, to_row, write_shards
from core.errors import InputError
from tests.core.data.scenes import record

text = st.text(max_size=12)
corners = st.tuples(*[st.floats(0, 4000, allow_nan=False)] * 4)
box = st.builds(Box, text, corners, text)
paths = st.builds(lambda name: Path("folder") / name, st.from_regex(r"\A[\w ]{1,12}\Z"))
any_record = st.builds(
    Record, text, paths, text, text, text, st.sampled_from(["train", "val", "test"]), st.integers(0, 9999),
    st.integers(0, 9999), st.lists(box, max_size=3).map(tuple), st.none() | paths,
    st.dictionaries(text, text, max_size=2), st.none() | paths, st.booleans(), st.booleans(),
    st.lists(box, max_size=2).map(tuple),
    st.lists(st.builds(Exchange, text, text, text), max_size=2).map(tuple), st.dictionaries(text, text, max_size=2),
)  # fmt: skip


@given(given_record=any_record)
def test_a_record_survives_its_line(given_record: Record) -> None:
    assert of_row(json.loads(json.dumps(to_row(given_record)))) == given_record


def counting(lines: Sequence[str]) -> Iterator[dict[str, str]]:
    return ({"id": json.loads(line)["id"]} for line in lines)


def interrupted(lines: Sequence[str]) -> Iterator[dict[str, str]]:
    for line in lines:
        if json.loads(line)["id"] == "hit_uav/5":
            raise KeyboardInterrupt
        yield {"id": json.loads(line)["id"]}


def forbidden(lines: Sequence[str]) -> Iterator[dict[str, str]]:
    raise AssertionError("a finished shard was made again")


def many(number: int) -> Iterator[Record]:
    return (Record(**{**vars(record()), "id": f"hit_uav/{n}"}) for n in range(number))


def test_a_stage_goes_on_after_the_last_whole_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "SHARD", 2)
    files = write_shards(many(9), tmp_path)
    assert len(files) == 5 and write_shards(many(9), tmp_path) == files
    with pytest.raises(KeyboardInterrupt):
        list(make_results(interrupted, "look", "k", files, "local", 1))
    assert sum(1 for _ in tmp_path.glob("*.look-k.jsonl")) == 2
    results = list(make_results(counting, "look", "k", files, "local", 1))[-1]
    assert [row["id"] for result in results for row in rows_of(result)] == [f"hit_uav/{n}" for n in range(9)]
    assert list(make_results(forbidden, "look", "k", files, "local", 1))[-1] == results


def test_another_record_or_key_is_another_file(tmp_path: Path) -> None:
    first, second = write_shards(many(3), tmp_path), write_shards(many(4), tmp_path)
    assert first != second
    with pytest.raises(AssertionError, match="again"):
        list(make_results(forbidden, "look", "other", first, "local", 1))


def test_ray_that_is_not_installed_is_named_with_the_next_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'ray\[data\]'"):
        list(make_results(counting, "look", "k", write_shards(many(1), tmp_path), "ray", 1))
