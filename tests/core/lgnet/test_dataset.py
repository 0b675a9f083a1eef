import json

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.lgnet.crops import CropSampler
from core.lgnet.dataset import Sample, read_pairs, read_training_folder, resized, split_validation
from core.thermal import from_array


def sample(name="a/1", height=40, width=60, target=(10, 20), source="a"):
    pixels = np.full((height, width), 30, np.float32)
    mask = np.zeros((height, width), bool)
    if target:
        mask[target] = True
        pixels[target] = 250
    return Sample(name, from_array(pixels), mask, source=source)


def folder(root, names, mask_name="{}-pixels0.png", listing="trainval.txt"):
    for part in ("images", "masks"):
        (root / part).mkdir(parents=True)
    for name in names:
        Image.new("L", (12, 9), 40).save(root / "images" / f"{name}.png")
        mask = Image.new("L", (12, 9), 0)
        mask.putpixel((11, 8), 255)
        mask.save(root / "masks" / mask_name.format(name))
    (root / listing).write_text("\n".join(names[:2]) + "\n")
    (root / "scene_prompts.tsv").write_text(f"{names[0]}\tA sky target\n")
    return root


@pytest.mark.parametrize("mask_name", ["{}.png", "{}-pixels0.png", "{}_pixels0.png"])
def test_both_public_layouts_are_read_with_their_id_list_and_scene_prompts(tmp_path, mask_name):
    samples = read_training_folder(folder(tmp_path / "set", ["x1", "x2", "x3"], mask_name))
    assert [(s.id, s.text) for s in samples] == [("set/x1", "A sky target"), ("set/x2", "")]
    assert all(s.mask.sum() == 1 and s.mask[8, 11] for s in samples)


def test_a_missing_mask_and_an_unequal_size_are_named(tmp_path):
    root = folder(tmp_path / "set", ["x1", "x2"])
    Image.new("L", (5, 5)).save(root / "masks" / "x1-pixels0.png")
    with pytest.raises(InputError, match="sizes must be equal"):
        list(read_pairs(root / "images", root / "masks"))
    (root / "masks" / "x1-pixels0.png").unlink()
    with pytest.raises(InputError, match="No mask for 'x1'"):
        list(read_pairs(root / "images", root / "masks"))
    with pytest.raises(InputError, match="No image for id 'zz'"):
        list(read_pairs(root / "images", root / "masks", ["zz"]))


def test_only_the_first_half_of_the_backgrounds_is_for_training(tmp_path):
    for name in "abcd":
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png")
    samples = read_training_folder(tmp_path)
    assert [s.id.rsplit("/", 1)[1] for s in samples] == ["a", "b"]
    assert not any(s.mask.any() for s in samples)


def test_frames_with_boxes_give_parts_that_touch_none(tmp_path):
    root = tmp_path / "aerial"
    (root / "images").mkdir(parents=True)
    pixels = np.full((300, 400), 20, np.uint8)
    boxes = [[30, 40, 20, 10], [250, 40, 9, 9], [390, 290, 10, 10]]
    for x, y, w, h in boxes:
        pixels[y : y + h, x : x + w] = 200
    Image.fromarray(pixels).save(root / "images" / "a.png")
    Image.fromarray(pixels[:100, :100]).save(root / "images" / "full.png")
    rows = [
        {"image": "a.png", "boxes": [{"bbox_xywh": b} for b in boxes]},
        {"image": "full.png", "bbox_xywh": boxes[0]},
    ]
    (root / "train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (part,) = read_training_folder(root)
    assert part.id == "aerial/a" and part.source == "aerial"
    assert part.image.pixels.shape == part.mask.shape == (192, 192)
    assert part.image.pixels.max() == 20 and not part.mask.any()
    (root / "train.jsonl").write_text("[1]")
    with pytest.raises(InputError, match="line 1"):
        read_training_folder(root)


def test_the_validation_part_depends_on_the_id_alone():
    samples = [sample(f"a/{i}") for i in range(200)]
    training, validation = split_validation(samples)
    assert 5 < len(validation) < 45 and len(training) + len(validation) == 200
    again = split_validation([*samples[::-1], sample("b/new")])[1]
    assert {s.id for s in validation} <= {s.id for s in again} <= {s.id for s in validation} | {"b/new"}


@pytest.mark.parametrize("augment", ["ours", "paper"])
def test_image_and_mask_of_a_crop_stay_aligned(augment):
    sampler = CropSampler([sample()], side=32, seed=0, augment=augment)
    hits = 0
    for _ in range(40):
        images, masks, _ = sampler.batch(1)
        assert images.shape == masks.shape == (1, 1, 32, 32)
        assert images.min() >= 0 and images.max() <= 1 and set(masks.unique().tolist()) <= {0.0, 1.0}
        if masks.any():
            ys, xs = np.nonzero(masks[0, 0].numpy())
            peak = divmod(int(images.argmax()), 32)
            hits += np.hypot(peak[0] - ys.mean(), peak[1] - xs.mean()) < 2
    assert hits > (20 if augment == "ours" else 8)


def test_most_crops_are_pixels_of_the_image_as_they_are():
    rows = np.indices((64, 64)).sum(0) % 2 * 255.0  # a chessboard: any scaling blurs it
    sampler = CropSampler([Sample("a/1", from_array(rows), np.zeros((64, 64), bool), source="a")], side=32, seed=0)
    sharp = sum(float((x := sampler.batch(1)[0]).quantile(0.75) - x.quantile(0.25)) > 0.5 for _ in range(80))
    assert 50 <= sharp < 75


def test_target_free_crops_look_at_clutter_more_often_than_chance():
    pixels = np.full((200, 200), 40.0)
    pixels[150:153, 20:23] = 250  # looks like a target; a crop of 32 holds it in about 2 % of the cases
    clutter = Sample("a/1", from_array(pixels), np.zeros((200, 200), bool), source="a")
    sampler = CropSampler([clutter], side=32, seed=0)
    bright = sum(float(sampler.batch(1)[0].max()) > 0.6 for _ in range(100))
    assert 30 < bright < 75


def test_each_source_with_targets_is_drawn_equally_often_and_backgrounds_rarely():
    samples = [sample(f"a/{i}", source="a") for i in range(3)] + [sample(f"b/{i}", source="b") for i in range(30)]
    samples += [sample(f"c/{i}", target=None, source="c") for i in range(5)]
    sampler = CropSampler(samples, side=16, seed=0, background_share=0.1)
    share = {o: sum(w for s, w in zip(samples, sampler.weights, strict=True) if s.source == o) for o in "abc"}
    assert np.allclose([share["a"], share["b"], share["c"]], [0.45, 0.45, 0.1])


def test_descriptions_take_the_place_of_scene_prompts(tmp_path):
    root = folder(tmp_path / "set", ["Misc_1", "Misc_2"])
    (root / "descriptions").mkdir()
    (root / "descriptions" / "Misc_1-description.txt").write_text("A drone in the upper left.\n")
    assert [s.text for s in read_training_folder(root)] == ["A drone in the upper left.", ""]


def test_a_resized_sample_keeps_its_target_where_it_was():
    small = resized(sample(height=40, width=60, target=(10, 20)), 120)
    assert small.image.pixels.shape == small.mask.shape == (120, 120)
    ys, xs = np.nonzero(small.mask)
    assert np.allclose([ys.mean(), xs.mean()], [31, 40.5], atol=1)  # centre (10.5, 20.5) scaled by 3 and 2
    peak = np.unravel_index(small.image.pixels.argmax(), (120, 120))
    assert np.hypot(peak[0] - ys.mean(), peak[1] - xs.mean()) < 2.5
