from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.data.duplicates import look_alikes
from core.data.objects import objects
from core.data.readers import READERS, read_all, read_known
from core.errors import InputError
from tests.core.data.scenes import hit_uav_folder


def test_a_folder_without_any_known_data_set_is_named_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds none of"):
        read_all(tmp_path)


def test_a_damaged_annotation_file_is_an_input_error(tmp_path: Path) -> None:
    hit_uav_folder(tmp_path)
    (tmp_path / "hit_uav" / "train.jsonl").write_text('{"image": 3\n', encoding="utf-8")
    with pytest.raises(InputError, match="damaged"):
        read_all(tmp_path)


def test_hit_uav_drops_dont_care_boxes_and_says_how_many(tmp_path: Path) -> None:
    records = read_all(hit_uav_folder(tmp_path))
    assert {box.category for r in records for box in r.boxes} == {"person", "car", "bicycle", "other vehicle"}
    assert any(r.scene.get("dont_care") == "1" for r in records)


def test_images_that_differ_by_noise_share_a_group_and_others_do_not(tmp_path: Path) -> None:
    noise = np.random.default_rng(0)
    first, second = (np.kron(noise.integers(0, 255, (8, 9)), np.ones((8, 8))) for _ in range(2))
    for name, pixels in (("a", first), ("b", first + noise.normal(0, 3, first.shape)), ("c", second)):
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(tmp_path / f"{name}.png")
    assert look_alikes([tmp_path / f"{name}.png" for name in "abc"]) == ["a", "a", "c"]


def test_the_published_counts_are_read_and_no_group_straddles_two_splits(data_root: Path) -> None:
    records = read_all(data_root)
    assert Counter(r.source for r in records) == {
        "langir_sirst": 427, "langir_irstd1k": 6, "nudt_sirst": 1327, "sirst_backgrounds": 80, "hit_uav": 1000,
        "roadscene": 131, "drone_ir": 861, "cheetah": 129, "llvip": 32, "msrs": 25, "vedai": 3, "radiometric": 4,
    }  # fmt: skip
    assert len({r.id for r in records}) == len(records)
    splits = defaultdict(set)
    for record in records:
        splits[record.group].add(record.split)
        assert record.image.is_file() and (record.mask is None or record.mask.is_file())
    assert all(len(own) == 1 for own in splits.values())
    large = [name for name, number in Counter(r.source for r in records).items() if number > 60]
    assert all({r.split for r in records if r.source == name} == {"train", "val", "test"} for name in large)


def test_official_test_images_never_train(data_root: Path) -> None:
    records = {r.id: r for r in read_all(data_root)}
    for name in (data_root / "langir_sirst" / "test.txt").read_text().split():
        assert records[f"langir_sirst/{name}"].split == "test"
    assert sum(r.split == "test" for r in records.values() if r.source == "hit_uav") == 200


def test_the_held_out_flights_show_day_and_night_and_the_common_categories(data_root: Path) -> None:
    held = [r for r in READERS["hit_uav"](data_root) if r.split == "val"]
    assert min(Counter(r.scene["time"] for r in held).values()) >= 20
    assert {"person", "car", "bicycle"} <= {box.category for r in held for box in r.boxes}


def test_each_part_of_a_mask_is_one_small_target(data_root: Path) -> None:
    first = next(r for r in READERS["nudt_sirst"](data_root) if objects(r))
    assert all(b.category == "small target" and b.xyxy[2] > b.xyxy[0] for b in objects(first))


def test_all_434_official_questions_on_roadscene_frames_are_read_with_their_tasks(data_root: Path) -> None:
    asked = [r for r in read_known(data_root) if r.published and r.image.is_file()]
    assert Counter(e.task for r in asked for e in r.published) == {
        "location": 206, "security": 112, "relationship": 75, "grounding": 41,
    }  # fmt: skip
    assert len({r.id for r in asked}) == 434 and len({r.image for r in asked}) == 112


def test_people_of_a_roadscene_pair_carry_the_same_identity_in_both_images(data_root: Path) -> None:
    pairs = [r for r in READERS["roadscene"](data_root) if r.visible_boxes]
    known = [box for r in pairs for box in r.visible_boxes if box.identity]
    assert len(pairs) == 110 and len(known) > 0.95 * sum(len(r.visible_boxes) for r in pairs)
    for seen in pairs:
        names = {box.identity: box.category for box in seen.boxes}
        assert all(names[box.identity] == box.category for box in seen.visible_boxes if box.identity)
