import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from labeling.items import NewItem
from labeling.sources import Stated, read
from labeling.studio import Filter, Studio
from tests.labeling.conftest import open_studio, png

STATED = Stated("our camera", "CC0", 3)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.png", "flight 1/b.png", "flight 1/c.tif")):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "images" / name).write_bytes(png(number))
    (tmp_path / "images" / "notes.txt").write_text("no image")
    return tmp_path / "images"


def lines(path: Path, *objects: object) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in objects) + "\n")
    return path


def bring(path: Path, images: Path | None = None) -> list[NewItem]:
    return list(read(path, images, STATED))


def test_a_folder_brings_its_images_and_one_folder_is_one_group(images: Path) -> None:
    found = bring(images)
    assert [(item.name, item.group) for item in found] == [("a.png", ""), ("b.png", "flight 1"), ("c.tif", "flight 1")]
    assert {(item.source, item.licence, item.priority) for item in found} == {("our camera", "CC0", 3)}


def test_lines_about_one_image_become_one_item_with_all_that_they_say(images: Path) -> None:
    turns = [{"from": "human", "value": "<image>\nHow many?"}, {"from": "gpt", "value": "2"}]
    file = lines(
        images.parent / "x.jsonl",
        {"image": "a.png", "caption_global": "a sky", "licence": "MIT", "group": "g"},
        {"image": "a.png", "conversations": turns},
        {"image": "flight 1/b.png", "mask": {"size": [7, 5], "runs": [0, 1]}},
    )  # fmt: skip
    one, two = bring(file, images)
    assert (one.source, one.licence, one.group) == ("our camera", "MIT", "g")
    assert one.drafts == {"caption_global": "a sky", "questions": [{"question": "How many?", "answer": "2"}]}
    assert two.drafts == {"mask": {"size": [7, 5], "runs": [0, 1]}}


def test_a_built_data_set_brings_its_captions_and_questions_together(images: Path, tmp_path: Path) -> None:
    built = tmp_path / "built"
    built.mkdir()
    lines(built / "train.captions.jsonl", {"image": "a.png", "caption_global": "a sky", "caption_fine": "a dot"})
    turns = [{"from": "human", "value": "<image>\nWhere?"}, {"from": "gpt", "value": "left"}]
    lines(built / "train.questions.jsonl", {"image": "a.png", "task": "location", "conversations": turns})
    (item,) = bring(built, images)
    assert item.drafts["caption_fine"] == "a dot" and item.drafts["questions"][0]["answer"] == "left"


def test_a_revision_begins_anew_with_its_values_as_drafts(studio: Studio, images: Path, tmp_path: Path) -> None:
    studio.import_items(bring(images))
    studio.save("ann", 1, 0, {"caption_global": "refined", "mask": {"size": [7, 5], "runs": [3, 2]}}, "key-00001")
    studio.export(tmp_path / "v1", "v1")
    (tmp_path / "other").mkdir()
    other = open_studio(tmp_path / "other")
    assert other.import_items(bring(tmp_path / "v1")).added == 3
    item = next(item for item in other.find(Filter()).items if item.name == "a.png")
    assert item.fields == {"caption_global": "refined", "mask": {"size": [7, 5], "runs": [3, 2]}}
    other.engine.dispose()


@pytest.mark.parametrize(
    ("line", "reason"),
    [('{"image": "../x.png"}', "outside"), ('{"image": "/etc/passwd"}', "outside"), ('{"image": 7}', 'no "image"'),
     ("[1]", 'no "image"'), ("{", "no JSON"), ('{"image": "gone.png"}', "is not there"), ("", "name no image"),
     ("[" * 100_000, "no JSON"), ('{"image": "a\\u0000.png"}', 'no "image"')],
)  # fmt: skip
def test_a_bad_line_is_one_sentence(images: Path, line: str, reason: str) -> None:
    (images.parent / "bad.jsonl").write_text(line + "\n")
    with pytest.raises(InputError, match=reason):
        bring(images.parent / "bad.jsonl", images)


@pytest.mark.parametrize("what", ["nothing", "empty"])
def test_a_place_without_images_is_named(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=what):
        bring(tmp_path / what)


NAMES = st.sampled_from(["image", "conversations", "from", "value", "mask", "boxes"])
JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(objects=st.lists(JSON, max_size=3))
def test_whatever_the_lines_hold_it_is_items_or_one_sentence(
    objects: list, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("lines")
    (folder / "x.jsonl").write_text("".join(json.dumps(one) + "\n" for one in objects))
    try:
        bring(folder / "x.jsonl")
    except InputError as error:
        assert str(error)
