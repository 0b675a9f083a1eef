import json
import shutil
from pathlib import Path

import datasets
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.data.revisions import read_revision
from core.errors import InputError
from labeling import masks
from labeling.database import connect
from labeling.export import export
from labeling.restore import restore
from labeling.store import ImageStore
from labeling.studio import Studio
from tests.commands import run_command
from tests.labeling.conftest import new, open_studio, png


@pytest.fixture
def filled(studio: Studio) -> Studio:
    """Two refined items (one with a mask), one skipped, one draft."""
    studio.import_items([new(1), new(2), new(3), new(4, drafts={"caption_global": "draft"}), new(5)])
    mask = np.zeros((5, 7), bool)
    mask[0, 6] = mask[4, 0] = True
    studio.save(
        "ann",
        1,
        0,
        {"caption_global": "a | b", "caption_fine": "ünï", "mask": masks.encode(mask), "tags": ["sea"]},
        "key-0001",
    )
    more = {
        "questions": [{"question": "How many?", "answer": "two"}],
        "boxes": [{"label": "ship", "xyxy": [0, 0, 2, 1]}],
        "points": [{"label": "", "xy": [6, 4]}],
        "quality": "good",
    }
    studio.save("bob", 1, 1, {"caption_global": "corrected", **more}, "key-0002")
    studio.save("bob", 2, 0, {"caption_fine": "no mask"}, "key-0003")
    studio.skip("bob", 3, 0, "other", "key-0004")
    return studio


def load(folder: Path, config: str, cache: Path) -> datasets.Dataset:
    return datasets.load_dataset(str(folder), config, split="train", cache_dir=str(cache))


def test_an_exported_revision_opens_with_datasets(filled: Studio, tmp_path: Path) -> None:
    manifest = filled.export(tmp_path / "out", "v1")
    assert manifest["configs"] == {"masks": 1, "captions": 2, "drafts": 4} and manifest["rows"] == 5
    (row,) = load(tmp_path / "out", "masks", tmp_path / "cache")
    assert row["caption_global"] == "corrected" and row["version"] == 2 and row["tags"] == ["sea"]
    assert row["boxes"] == [{"label": "ship", "xyxy": [0, 0, 2, 1]}] and row["points"][0]["xy"] == [6, 4]
    assert row["questions"] == [{"question": "How many?", "answer": "two"}] and row["quality"] == "good"
    assert row["image"].mode.startswith("I;16") and row["image"].size == row["mask"].size == (7, 5)
    assert np.asarray(row["mask"]).sum() == 2 * 255
    assert {row["caption_fine"] for row in load(tmp_path / "out", "captions", tmp_path / "cache")} == {"ünï", "no mask"}
    drafts = load(tmp_path / "out", "drafts", tmp_path / "cache")
    assert sorted(drafts["state"]) == ["draft", "draft", "refined", "skipped"]


def test_masks_is_the_default_config(filled: Studio, tmp_path: Path) -> None:
    filled.export(tmp_path / "out", "v1")
    assert (
        "mask"
        in datasets.load_dataset(str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")).features
    )


def test_the_same_state_gives_the_same_bytes_and_another_state_another_revision(filled: Studio, tmp_path: Path) -> None:
    first, second = filled.export(tmp_path / "a", "v1"), filled.export(tmp_path / "b", "v2")
    assert first["files"] == second["files"] and first["revision"] == second["revision"]
    filled.save("ann", 4, 1, {}, "key-0009")
    assert filled.export(tmp_path / "c", "v3")["revision"] != first["revision"]


def test_a_revision_never_changes_under_its_tag(filled: Studio, tmp_path: Path) -> None:
    first = filled.export(tmp_path / "out", "v1")
    assert filled.export(tmp_path / "out", "v1") == first
    filled.save("ann", 4, 1, {}, "key-0009")
    with pytest.raises(InputError, match="other content under tag v1"):
        filled.export(tmp_path / "out", "v1")
    assert read_revision(tmp_path / "out").revision == first["revision"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".v1")]


def test_a_folder_with_other_things_is_not_touched(filled: Studio, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        filled.export(tmp_path / "out", "v1")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_nothing_refined_is_said_and_nothing_written(studio: Studio, tmp_path: Path) -> None:
    studio.import_items([new(1)])
    with pytest.raises(InputError, match="Label tab"):
        studio.export(tmp_path / "out", "v1")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("tag", ["", "..", "../x", "a b", "-v", "x" * 65, "v1\n"])
def test_a_tag_that_is_no_name_is_refused(filled: Studio, tmp_path: Path, tag: str) -> None:
    with pytest.raises(InputError, match="tag"):
        filled.export(tmp_path / "out", tag)


def test_a_restored_database_exports_the_same_revision(filled: Studio, tmp_path: Path) -> None:
    first = filled.export(tmp_path / "out", "v1")
    engine, images = connect(f"sqlite:///{tmp_path / 'again.db'}"), ImageStore(tmp_path / "again")
    assert restore(tmp_path / "out", engine, images) == 5
    assert restore(tmp_path / "out", engine, images) == 0
    assert export(engine, images, tmp_path / "second", "v1") == first


def test_a_restore_leaves_newer_work_as_it_is(filled: Studio, tmp_path: Path) -> None:
    filled.export(tmp_path / "out", "v1")
    kept = filled.save("ann", 1, 2, {"caption_global": "newer"}, "key-0009")
    assert restore(tmp_path / "out", filled.engine, filled.images) == 0
    assert filled.item(1) == kept


SIDES = st.sampled_from([(1, 1), (1, 9), (13, 1), (7, 5), (641 // 16, 513 // 16)])


@st.composite
def painted(draw: st.DrawFn) -> tuple[int, int, np.ndarray]:
    """(W, H, mask): anything, nothing, one pixel, or the image's border."""
    width, height = draw(SIDES)
    kind = draw(st.sampled_from(["any", "empty", "pixel", "border"]))
    mask = np.zeros((height, width), bool)
    if kind == "any":
        mask = draw(hnp.arrays(np.bool_, (height, width)))
    elif kind == "pixel":
        mask[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    elif kind == "border":
        mask[[0, -1]] = mask[:, [0, -1]] = True
    return width, height, mask


@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow])
@given(paintings=st.lists(painted(), min_size=1, max_size=12))
def test_what_was_painted_is_what_is_loaded(paintings: list, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("painted")
    studio = open_studio(folder)
    truth = {}
    for number, (width, height, mask) in enumerate(paintings):
        item = new(number, width, height)
        studio.import_items([item])
        view = studio.next_item()
        assert view is not None
        payload = json.loads(json.dumps(masks.encode(mask)))  # as it travels from the page
        studio.save("ann", view.id, view.version, {"mask": payload}, f"key-{number:05d}")
        truth[view.sha256] = (item.data, mask)
    studio.export(folder / "out", "v1")
    rows = read_revision(folder / "out").rows
    loaded = load(folder / "out", "masks", folder / "cache")
    assert len(rows) == len(loaded) == len(truth)
    for row, other in zip(rows, loaded, strict=True):
        data, mask = truth[row.id]
        assert row.id == other["id"] and row.image == data
        assert np.array_equal(row.mask, mask) and np.array_equal(np.asarray(other["mask"]) > 0, mask)
    studio.engine.dispose()
    shutil.rmtree(folder)


def test_export_and_restore_work_from_the_shell(filled: Studio, url: str, tmp_path: Path) -> None:
    out, stores = tmp_path / "out", ("--store", tmp_path / "store")
    done = run_command(
        "labeling.export", "--db", url, *stores, "--out", out, "--tag", "v1", "--json", tmp_path / "e.json"
    )
    assert done.code == 0, done.err
    written = json.loads((tmp_path / "e.json").read_text())
    assert written.keys() == {"revision", "tag", "files", "rows"} and written["rows"] == 5
    database = f"sqlite:///{tmp_path / 'again' / 'studio.db'}"
    done = run_command("labeling.restore", "--from", out, "--db", database, "--json", tmp_path / "r.json")
    assert done.code == 0, done.err
    assert json.loads((tmp_path / "r.json").read_text()) == {"rows": 5}


def test_a_missing_database_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run_command("labeling.export", "--db", f"sqlite:///{tmp_path}/no.db", "--out", tmp_path / "o", "--tag", "v1")
    assert done.code == 2 and done.err.count("\n") == 1 and "no.db" in done.err
    assert not (tmp_path / "no.db").exists()


def test_a_file_that_was_swapped_under_its_row_is_noticed(filled: Studio, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "store")
    with pytest.raises(InputError, match="missing from the image store"):
        filled.export(tmp_path / "out", "v1")
    assert not (tmp_path / "out").exists() and png(1) != png(2)
