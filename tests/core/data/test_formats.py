"""Every annotation format: the same scene read from each, and what a damaged or hostile file leads to."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from core.data.readers import FORMATS, coco, read_source
from core.data.readers.common import Images, annotated, boxes_of, category, split_in
from core.data.readers.irtd import conversations, task_of
from core.data.readers.tables import hub, keep
from core.data.readers.voc import voc
from core.data.readers.yolo import yolo
from core.data.records import Box, Record
from core.errors import InputError

SIZE = (80, 64)
CAR = Box("car", (10.0, 20.0, 30.0, 40.0))
PERSON = Box("person", (40.0, 8.0, 48.0, 32.0))


def image(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, SIZE[::-1], dtype=np.uint8)).save(path)
    return path


def coco_file(root: Path, name: str = "annotations/instances_train.json", **more: Any) -> Path:
    image(root / "one.png")
    (root / "annotations").mkdir(exist_ok=True)
    told = {
        "images": [{"id": 7, "file_name": "one.png", "width": 80, "height": 64, "license": 1}],
        "annotations": [{"image_id": 7, "category_id": 3, "bbox": [10, 20, 20, 20]},
                        {"image_id": 7, "category_id": 1, "bbox": [40, 8, 8, 24], "iscrowd": 0}],
        "categories": [{"id": 1, "name": "People"}, {"id": 3, "name": "car"}], "licenses": [{"id": 1, "name": "CC0"}],
    }  # fmt: skip
    (root / name).write_text(json.dumps(told | more))
    return root


def yolo_folder(root: Path) -> Path:
    image(root / "images/train/one.png")
    (root / "labels/train").mkdir(parents=True)
    (root / "labels/train/one.txt").write_text("1 0.25 0.46875 0.25 0.3125\n0 0.55 0.3125 0.1 0.375\n")
    (root / "data.yaml").write_text("names: {0: person, 1: car}\n")
    return root


def voc_folder(root: Path) -> Path:
    image(root / "JPEGImages/one.png")
    (root / "Annotations").mkdir()
    (root / "ImageSets/Main").mkdir(parents=True)
    (root / "ImageSets/Main/train.txt").write_text("one\n")
    corners = {"car": (10, 20, 30, 40), "person": (40, 8, 48, 32)}
    things = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{a}</xmin><ymin>{b}</ymin><xmax>{c}</xmax><ymax>{d}</ymax></bndbox></object>"
        for name, (a, b, c, d) in corners.items()
    )
    size = "<size><width>80</width><height>64</height></size>"
    (root / "Annotations/one.xml").write_text(f"<annotation><filename>one.png</filename>{size}{things}</annotation>")
    return root


MAKERS: dict[str, Callable[[Path], Path]] = {"coco": coco_file, "yolo": yolo_folder, "voc": voc_folder}


def read(kind: str, at: Path) -> list[Record]:
    return list(read_source(f"{kind}={at}", at.parent, at.parent / "store"))


@pytest.mark.parametrize("kind", MAKERS)
def test_the_same_scene_comes_out_of_every_format(kind: str, tmp_path: Path) -> None:
    (seen,) = read(kind, MAKERS[kind](tmp_path))
    rounded = {Box(box.category, tuple(round(v, 6) for v in box.xyxy)) for box in seen.boxes}  # type: ignore[arg-type]
    assert rounded == {CAR, PERSON} and (seen.width, seen.height) == SIZE and seen.image.is_file()
    assert seen.official and seen.split in ("train", "val") and seen.id.startswith(f"{seen.source}/")


def test_coco_licences_crowds_and_images_without_objects_are_read(tmp_path: Path) -> None:
    crowd = [{"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "iscrowd": 1}]
    coco_file(tmp_path, "annotations/any.json", annotations=crowd)
    (seen,) = read("coco", tmp_path)
    assert seen.licence == "CC0" and not seen.boxes and seen.scene["dont_care"] == "1" and not seen.official


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 40), st.integers(1, 40)), max_size=30))
def test_coco_annotations_in_any_order_reach_their_own_image(
    rows: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("coco")
    told = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 80, "height": 64} for n in range(6)],
        "annotations": [{"image_id": n, "category_id": 1, "bbox": [0, 0, w, h]} for n, w, h in rows],
        "categories": [{"id": 1, "name": "car"}],
    }
    (root / "set.json").write_text(json.dumps(told))
    for number, seen in enumerate(coco.coco(root / "set.json")):
        assert [box.xyxy[2:] for box in seen.boxes] == [(w, h) for n, w, h in rows if n == number]


def test_hit_uav_as_released_is_read_with_its_flights_and_scene_facts(tmp_path: Path) -> None:
    image(tmp_path / "normal_json/test/1_60_30_0_01609.jpg")
    (tmp_path / "normal_json/annotations").mkdir()
    told = {
        "images": [{"id": 0, "filename": "1_60_30_0_01609.jpg", "width": 80, "height": 64}],
        "annotation": [{"image_id": 0, "category_id": c, "bbox": [1, 2, 9, 9]} for c in (3, 4)],
        "categories": [{"id": 3, "name": "OtherVehicle"}, {"id": 4, "name": "DontCare"}],
    }
    (tmp_path / "normal_json/annotations/test.json").write_text(json.dumps(told))
    (seen,) = read("hit-uav", tmp_path)
    assert seen.group == "hit_uav/1_60_30_0" and seen.split == "test" and seen.image.is_file()
    assert [box.category for box in seen.boxes] == ["other vehicle"]
    assert seen.scene == {"time": "night", "altitude_m": "60", "camera_angle_deg": "30", "dont_care": "1"}


def test_both_versions_of_flir_adas_are_read(tmp_path: Path) -> None:
    name = "data/video-57kWWRyeqqHs3Byei-frame-000816-b6tuLjNco8MfoBs3d.jpg"
    image(tmp_path / "images_thermal_val" / name)
    told = {
        "images": [{"id": 1, "file_name": name, "width": 80, "height": 64,
                    "extra_info": {"video_id": "57kWWRyeqqHs3Byei"}}],
        "annotations": [{"image_id": 1, "category_id": 2, "bbox": [1, 2, 9, 9]}],
        "categories": [{"id": 2, "name": "bike"}],
    }  # fmt: skip
    (tmp_path / "images_thermal_val/coco.json").write_text(json.dumps(told))
    image(tmp_path / "train/thermal_8_bit/FLIR_00001.jpeg")
    image(tmp_path / "train/RGB/FLIR_00001.jpg")
    told["images"] = [{"id": 1, "file_name": "thermal_8_bit/FLIR_00001.jpeg", "width": 80, "height": 64}]
    (tmp_path / "train/thermal_annotations.json").write_text(json.dumps(told))
    first, second = read("flir-adas", tmp_path)
    assert first.visible is not None and not first.registered and first.split in ("train", "val")
    assert second.group == "flir_adas/57kWWRyeqqHs3Byei" and second.split == "val" and second.visible is None
    assert all(seen.image.is_file() and seen.boxes[0].category == "bicycle" for seen in (first, second))


def test_a_mask_folder_without_lists_gets_parts_by_its_names(tmp_path: Path) -> None:
    for number in range(30):
        image(tmp_path / f"images/{number}.png", number)
        image(tmp_path / f"masks/{number}_mask.png", number)
    seen = read("masks", tmp_path)
    assert len(seen) == 30 and all(r.mask is not None and r.mask.is_file() and not r.official for r in seen)
    assert {r.split for r in seen} == {"train", "val", "test"}


def test_conversations_in_a_row_are_read_and_unmatched_names_are_kept(tmp_path: Path) -> None:
    image(tmp_path / "frames/FLIR_00006.jpg")
    rows = [
        {"id": "1", "image": ["/mnt/x/Data4MLLM/63-FLIR_ADAS/training/FLIR_00006.jpeg"], "conversations": [
            {"from": "human", "value": "<image>\nLocate all car."}, {"from": "gpt", "value": "<pos>[]</pos>"}]},
        {"id": "2", "image": "4-VEDAI/00000063.jpg",
         "conversations": [{"from": "human", "value": "How many?"}, {"from": "gpt", "value": "<num>2</num>"}]},
        {"id": "3", "image": "../../secret.png", "question": "Is it?", "answer": "yes"},
    ]  # fmt: skip
    file = tmp_path / "Location.jsonl"
    file.write_text("".join(json.dumps(row, indent=1) for row in rows))
    first, second, third = conversations(file, tmp_path / "frames")
    assert first.image.is_file() and first.published[0].task == "location"
    assert not second.image.is_file() and not third.image.is_file()
    assert third.image.is_relative_to(tmp_path / "frames") and third.published[0].answer == "yes"


@pytest.mark.parametrize(("answer", "task"), [("<box>[[1, 2, 3, 4]]</box>", "grounding"), ("Yes.", "relationship"),
                                              ("7", "reid"), ("a road", "other")])  # fmt: skip
def test_the_task_of_an_answer_is_told_by_its_form(answer: str, task: str) -> None:
    assert task_of(answer) == task


def test_a_load_dataset_source_is_read_by_name_and_revision(tmp_path: Path) -> None:
    folder = tmp_path / "set" / "train"
    image(folder / "a.png")
    (folder / "metadata.jsonl").write_text(
        json.dumps({"file_name": "a.png", "objects": {"bbox": [[10, 20, 20, 20]], "category": ["car"]}}) + "\n"
    )
    (seen,) = read("hub", tmp_path / "set")
    assert seen.boxes == (CAR,) and seen.image.parent == tmp_path / "store" and seen.official
    with pytest.raises(InputError, match="needs its revision"):
        list(hub("someone/something", tmp_path))
    with pytest.raises(InputError, match="can't be loaded"):
        list(hub("someone/something@abc123", tmp_path))


def test_a_stored_image_is_named_by_its_content_and_written_once(tmp_path: Path) -> None:
    data = image(tmp_path / "x.png").read_bytes()
    assert keep(data, tmp_path / "s") == keep(data, tmp_path / "s") and len(list((tmp_path / "s").iterdir())) == 1


HOSTILE: dict[str, bytes] = {
    "empty": b"", "binary": bytes(range(256)), "list": b"[]", "number": b"7", "cut": b'{"images": [{"id": 1',
    "deep": b"[" * 100_000, "null": b'{"images": [null]}',
    "words for numbers": b'{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1,'
                         b'"category_id": 1, "bbox": ["a", 1, 2, 3]}]}',
    "short box": b'{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [{"image_id": 1, "category_id": 1,'
                 b'"bbox": [1]}]}',
    "leads out": b'{"images": [{"id": 1, "file_name": "../../../etc/passwd"}]}',
    "huge id": b'{"images": [{"id": 1%s, "file_name": "a.png"}]}' % (b"0" * 60),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_coco_file_is_one_input_error_or_no_record(kind: str, tmp_path: Path) -> None:
    (tmp_path / "set.json").write_bytes(HOSTILE[kind])
    sentence(lambda: coco.coco(tmp_path / "set.json"), may_be_empty=kind in ("list", "number", "huge id"))


def sentence(reading: Callable[[], Iterator[Record]], may_be_empty: bool = False) -> None:
    try:
        found = list(reading())
    except InputError as error:
        assert len(str(error)) < 300 and str(error).count("\n") == 0
    else:
        assert may_be_empty and len(found) < 2


@settings(max_examples=60)
@given(text=st.text(max_size=60) | st.from_regex(r"\A(-?[0-9.e]{1,6} ){3,8}\Z"))
def test_any_yolo_row_is_read_or_named(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("yolo")
    image(root / "images/one.png")
    (root / "labels").mkdir()
    (root / "labels/one.txt").write_text(text, encoding="utf-8", errors="ignore")
    sentence(lambda: yolo(root), may_be_empty=True)


LEVELS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 40}">' for n in range(1, 10))
BOMB = f'<!DOCTYPE a [<!ENTITY a0 "aaaaaaaaaa">{LEVELS}]><annotation><filename>&a9;</filename></annotation>'


@pytest.mark.parametrize(
    "text", ["", "<a/>", "<annotation>", BOMB, "\x00", "<annotation><size><width>x</width></size>"]
)
def test_a_hostile_voc_file_is_one_input_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "Annotations").mkdir()
    (tmp_path / "Annotations/one.xml").write_text(text)
    with pytest.raises(InputError, match=r"one\.xml"):
        list(voc(tmp_path))


@pytest.mark.parametrize("told", ["coco", "png=x", "=", "coco=/no/such/folder", "voc=.", "yolo=.", "revision=."])
def test_a_source_that_is_none_is_named_in_one_sentence(
    told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        list(read_source(told, tmp_path, tmp_path))
    assert set(FORMATS) >= {"coco", "yolo", "voc", "masks", "hit-uav", "flir-adas", "irtd", "revision", "hub"}


@given(name=st.text(max_size=200))
def test_any_category_becomes_plain_words(name: str) -> None:
    plain = category(name)
    assert plain and plain == plain.strip().lower() and len(plain) <= 60 and not set(plain) & set("<>&\n\0\"'/")


number = st.floats(-1e9, 1e9) | st.just(float("nan")) | st.just(float("inf"))


@given(rows=st.lists(st.tuples(st.sampled_from(["car", "DontCare", "person"]), st.tuples(*[number] * 4)), max_size=8))
def test_boxes_lie_in_the_image_and_none_is_lost_uncounted(rows: list[tuple[str, tuple[float, ...]]]) -> None:
    boxes, dropped = boxes_of(rows, SIZE)
    assert len(boxes) + dropped == len(rows)
    for box in boxes:
        x1, y1, x2, y2 = box.xyxy
        assert 0 <= x1 < x2 <= 80 and 0 <= y1 < y2 <= 64


def test_images_are_found_by_path_then_by_an_unmistakable_name(tmp_path: Path) -> None:
    kept, _, _ = image(tmp_path / "a/FLIR_1.png"), image(tmp_path / "b/two.png"), image(tmp_path / "c/two.png")
    image(tmp_path / "d/000063.png")
    images = Images(tmp_path)
    assert images.find("a/FLIR_1.png") == images.find("other/FLIR_1.jpeg") == kept
    assert not images.find("two.png").is_file() and not images.find("x/000063.png").is_file()


@pytest.mark.parametrize(("name", "part"), [("instances_val2017", "val"), ("train", "train"), ("valid", "val"),
                                            ("images_thermal_test", "test"), ("all", "")])  # fmt: skip
def test_a_file_name_tells_its_part(name: str, part: str) -> None:
    assert split_in(name) == part


def test_a_group_decides_the_part_where_the_publisher_has_none() -> None:
    made = [annotated("s", Path("x.png"), str(n), "ours", [], "", group="clip", size=SIZE) for n in range(20)]
    assert len({r.split for r in made}) == 1 and not made[0].official
