import json
from pathlib import Path

import numpy as np
import pytest

from core.data.revisions import content_hash, read_revision
from core.errors import InputError
from core.thermal import read_thermal
from labeling import masks
from labeling.studio import Studio
from tests.labeling.conftest import new


@pytest.fixture
def revision(tmp_path: Path) -> Path:
    """Three exported items with a mask of one pixel each."""
    studio = Studio(
        f"sqlite:///{tmp_path / 'studio.db'}", tmp_path / "store", lambda data, name: read_thermal(data, name).size
    )
    studio.import_items([new(seed) for seed in range(3)])
    for item in range(3):
        mask = np.zeros((5, 7), bool)
        mask[item, item] = True
        studio.save("ann", item + 1, 0, {"mask": masks.encode(mask), "caption_fine": f"pixel {item}"}, f"key-000{item}")
    studio.export(tmp_path / "out", "v1")
    return tmp_path / "out"


def test_rows_are_images_that_read_thermal_takes_with_their_masks(revision: Path) -> None:
    opened = read_revision(revision)
    assert opened.tag == "v1" and len(opened.rows) == 3
    for row in opened.rows:
        image = read_thermal(row.image, row.id)
        assert (image.height, image.width) == row.mask.shape and image.bit_depth == 16
        assert row.mask.dtype == np.bool_ and row.mask.sum() == 1
        y, x = np.argwhere(row.mask)[0]
        assert row.caption_fine == f"pixel {x}" and x == y


def test_rows_behave_like_a_list(revision: Path) -> None:
    rows = read_revision(revision).rows
    assert rows[-1].id == rows[2].id == list(rows)[2].id
    assert [row.id for row in rows[1:]] == [rows[1].id, rows[2].id]
    with pytest.raises(IndexError):
        rows[3]


@pytest.mark.parametrize("name", ["README.md", "data/masks/train.parquet", "data/drafts/train.parquet"])
def test_a_file_that_differs_from_the_manifest_is_named(revision: Path, name: str) -> None:
    with (revision / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=name):
        read_revision(revision)


def test_a_missing_file_is_named(revision: Path) -> None:
    (revision / "data/captions/train.parquet").unlink()
    with pytest.raises(InputError, match="captions"):
        read_revision(revision)


def test_a_manifest_changed_to_fit_changed_files_is_noticed(revision: Path) -> None:
    manifest = json.loads((revision / "manifest.json").read_text())
    assert content_hash(manifest["files"]) == manifest["revision"]
    del manifest["files"]["README.md"]
    (revision / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match=r"manifest\.json was changed"):
        read_revision(revision)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", "null", '{"format": 1, "revision": "x", "tag": "v", "files": []}',
     '{"format": 2, "revision": "x", "tag": "v", "files": {"data/masks/train.parquet": "x"}}',
     '{"format": 1, "revision": "x", "tag": "v", "files": {"data/masks/train.parquet": "x", "../../etc/passwd": "x"}}'],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InputError):
        read_revision(tmp_path)


def test_a_folder_without_a_manifest_says_how_to_get_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=r"labeling\.export"):
            read_revision(folder)
