import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from core.errors import InputError
from core.langir.layout import (
    Description,
    read_descriptions,
    read_langir,
    read_origins,
    write_description,
    write_langir,
)


def folder(root, subset="sirst"):
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for number in (1, 2, 10):
        name = f"Misc_{number}" if subset == "sirst" else f"XDU{number}"
        mask = f"{name}-pixels0.png" if subset == "sirst" else f"{name}.png"
        Image.fromarray(np.full((6, 8), number, np.uint8)).save(root / "images" / f"{name}.png")
        Image.fromarray(np.eye(6, 8, dtype=np.uint8) * 255).save(root / "masks" / mask)
    return root


@pytest.mark.parametrize(
    ("subset", "ids", "file"),
    [
        ("sirst", ["Misc_1", "Misc_2", "Misc_10"], "Misc_2-description.txt"),
        ("irstd1k", ["XDU1", "XDU2", "XDU10"], "XDU2.description.txt"),
    ],
)
def test_both_subsets_are_read_and_written_under_their_own_names(tmp_path, subset, ids, file):
    root = folder(tmp_path / "set", subset)
    (root / "trainval.txt").write_text(f"{ids[0]}\n{ids[2]}\n")
    (root / "test.txt").write_text("2\n")  # a bare number is an id too
    write_description(root, ids[1], Description("A target in the upper left.", "rules", "presence, region"))
    entries = list(read_langir(root))
    assert [(e.id, e.split) for e in entries] == [(ids[0], "trainval"), (ids[1], "test"), (ids[2], "trainval")]
    assert all(e.mask and e.mask.is_file() for e in entries)
    assert (root / "descriptions" / file).is_file() and entries[1].description == "A target in the upper left."
    assert read_descriptions(root) == {ids[1]: "A target in the upper left."}
    assert read_origins(root)[ids[1]].origin == "rules"

    write_langir(tmp_path / "copy", entries)
    again = list(read_langir(tmp_path / "copy"))
    assert [(e.id, e.split, e.description) for e in again] == [(e.id, e.split, e.description) for e in entries]
    for old, new in zip(entries, again, strict=True):
        assert old.image.read_bytes() == new.image.read_bytes() and old.mask.read_bytes() == new.mask.read_bytes()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda t: t.strip()))
def test_a_description_comes_back_as_it_was_written(tmp_path_factory, text):
    root = tmp_path_factory.mktemp("langir")
    write_description(root, "XDU0", Description("an older one", "some model", "system"))
    write_description(root, "XDU0", Description(text, "rules"))
    assert read_descriptions(root) == {"XDU0": text.strip()}
    assert read_origins(root) == {"XDU0": Description(text, "rules")}


def test_what_is_no_langir_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="needs images/"):
        list(read_langir(tmp_path))
    (tmp_path / "images").mkdir()
    Image.new("L", (4, 4)).save(tmp_path / "images" / "photo.png")
    with pytest.raises(InputError, match="'photo' is no image name"):
        list(read_langir(tmp_path))
    assert read_descriptions(tmp_path) == {} and read_origins(tmp_path) == {}


def test_the_public_folders_are_read(data_root):
    sirst = list(read_langir(data_root / "langir_sirst"))
    assert len(sirst) == 427 and all(e.mask for e in sirst)
    assert [sum(e.split == s for e in sirst) for s in ("trainval", "test")] == [341, 86]
    assert len(list(read_langir(data_root / "langir_irstd1k_few"))) == 6
