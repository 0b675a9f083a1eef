"""Near-duplicates, splits and the common view of a pair, each against something slow and obvious."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data import sources
from core.data.cropping import View, alignment_error, common_view, jittered, measure
from core.data.duplicates import near_pairs
from core.data.readers import FORMATS, READERS
from core.data.records import Box
from core.data.splits import SPLITS, TEST, assign


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), distance=st.integers(0, 12))
def test_near_pairs_are_those_that_comparing_all_gives(seed: int, distance: int) -> None:
    rng = np.random.default_rng(seed)
    centers = rng.integers(0, 2**63, 4, dtype=np.uint64)
    flips = np.array([sum(1 << int(b) for b in rng.choice(64, rng.integers(0, 9), replace=False)) for _ in range(40)],
                     np.uint64)  # fmt: skip
    hashes = np.unique(centers[rng.integers(0, 4, 40)] ^ flips)
    slow = [(i, j) for i, j in combinations(range(len(hashes)), 2)
            if int(hashes[i] ^ hashes[j]).bit_count() <= distance]  # fmt: skip
    assert list(zip(*(side.tolist() for side in near_pairs(hashes, distance)), strict=True)) == slow


@settings(max_examples=150)
@given(rows=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 8), st.integers(0, 2), st.booleans()), max_size=40))
def test_no_group_and_no_near_duplicate_lies_in_two_splits(rows: list[tuple[int, int, int, bool]]) -> None:
    hashes = np.array([(1 << (3 * kind)) - 1 for kind, *_ in rows], np.uint64)  # neighbours are 3 bits apart
    groups, proposed = (np.array([row[i] for row in rows], np.uint64).astype(np.int64) for i in (1, 2))
    official = np.array([row[3] for row in rows], bool)
    made = assign(hashes, groups.astype(np.uint64), proposed, official)
    fixed = official & (proposed == TEST)
    assert (made.split[fixed] == TEST).all() and (made.of[fixed] == -1).all()
    kept = [i for i in range(len(rows)) if made.split[i] >= 0]
    for i, j in combinations(kept, 2):
        near = int(hashes[i] ^ hashes[j]).bit_count() <= 6
        if (near or groups[i] == groups[j]) and not (fixed[i] and fixed[j]):
            assert made.split[i] == made.split[j]
    for i in set(range(len(rows))) - set(kept):
        other = made.of[i]
        assert fixed[other] and (int(hashes[i] ^ hashes[other]).bit_count() <= 6 or groups[i] == groups[other])


def test_records_that_resemble_nothing_stay_where_their_reader_put_them() -> None:
    hashes = np.random.default_rng(0).integers(0, 2**63, 300, dtype=np.uint64)
    proposed = np.arange(300) % len(SPLITS)
    made = assign(hashes, np.arange(300, dtype=np.uint64), proposed, np.ones(300, bool))
    assert (made.split == proposed).all() and len(set(made.cluster.tolist())) == 300


def boxes(count: int, seed: int) -> list[Box]:
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        x, y, w, h = rng.uniform((60, 60, 20, 20), (500, 400, 90, 90))
        made.append(Box(("car", "person")[number % 2], (x, y, min(x + w, 620), min(y + h, 500))))
    return made


@given(count=st.integers(2, 8), seed=st.integers(0, 1000), scale=st.floats(0.5, 2), dx=st.floats(-40, 40))
def test_a_known_view_is_found_whatever_the_order_of_the_boxes(count: int, seed: int, scale: float, dx: float) -> None:
    there = boxes(count, seed)
    here = [Box(b.category, tuple((np.array(b.xyxy) - (dx, 9, dx, 9)) / scale)) for b in reversed(there)]
    sizes = ((640, 512), (int(900 / scale), int(900 / scale)))
    found = common_view(there, [b for b in here if min(b.xyxy) > 3], sizes)
    if sum(min(b.xyxy) > 3 for b in here) >= 2:
        assert found is not None and found.objects >= 2
        assert alignment_error(found, np.array([[scale, 0, dx], [0, scale, 9]]), sizes[1]) < 0.1


def test_one_object_or_strangers_fix_no_view() -> None:
    sizes = ((640, 512), (640, 512))
    assert common_view(boxes(1, 0), boxes(1, 0), sizes) is None
    assert common_view(boxes(4, 1)[::2], boxes(4, 2)[1::2], sizes) is None
    assert common_view([], [], sizes) is None


def test_the_windows_of_both_images_show_the_same() -> None:
    view = View((2.0, 2.0), (-100.0, 50.0), 2, 0.0)
    infrared, visible = view.crops((640, 512), (400, 300)) or ((), ())
    assert infrared == (0, 50, 640, 512) and visible == (50, 0, 370, 231)
    assert View((1, 1), (700, 0), 2, 0.0).crops((640, 512), (400, 300)) is None


def test_jitter_moves_sides_and_misses_objects() -> None:
    rng = np.random.default_rng(0)
    made = jittered(boxes(8, 3) * 20, 2.0, 0.5, rng)
    assert 50 < len(made) < 110


def test_semantic_cropping_comes_within_six_pixels_of_the_published_maps(data_root: Path) -> None:
    told = measure(data_root, 0.0, 0.0, 0)
    assert told["pairs"] == 101 and told["without_map"] == 2
    assert told["error_px"]["median"] < 6 and told["error_px"]["worst"] < 15 < told["error_px_without_cropping"]


def test_the_63_sources_are_listed_and_the_four_missing_ones_shown_as_missing() -> None:
    rows = sources.source_datasets()
    assert [row.index for row in rows] == list(range(1, 64))
    assert [row.index for row in rows if row.name is None] == [5, 15, 25, 26]
    assert {row.index: row.images for row in rows}[9] == 1_700_000


def test_every_reader_that_the_list_names_exists() -> None:
    assert {row.reader for row in sources.source_datasets() if row.reader} <= FORMATS.keys() | READERS.keys()


def test_the_command_prints_all_63(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["core.data.sources"])
    sources.main()
    assert len(capsys.readouterr().out.splitlines()) == 63
