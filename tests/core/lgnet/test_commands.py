import json

import numpy as np
import pytest
from PIL import Image

from tests.commands import run_command
from tests.core.lgnet.test_dataset import folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A toy network after two steps, through the real command."""
    root = tmp_path_factory.mktemp("lgnet")
    data, out = folder(root / "set", ["x1", "x2", "x3"]), root / "run"
    common = ["core.lgnet.train", "--data", data, "--out", out, "--toy", "--descriptor", "none", "--crop", 32]
    result = run_command(*common, "--steps", 2, "--batch", 2, "--every", 1)
    assert result.code == 0, result.err
    return root, data, out, common


def test_training_goes_on_where_it_stopped(trained):
    _, _, out, common = trained
    result = run_command(*common, "--steps", 3, "--batch", 2, "--every", 1)
    assert result.code == 0, result.err
    metrics = json.loads((out / "metrics.json").read_text())
    assert [point["step"] for point in metrics["curve"]] == [1, 2, 3]
    assert {p.name for p in out.iterdir()} == {"checkpoint", "config.json", "metrics.json", "model.safetensors"}


def test_segment_writes_an_exact_mask_and_the_targets(trained):
    root, data, out, _ = trained
    result = run_command(
        "core.lgnet.segment", data / "images" / "x1.png", "--out", root / "masks", "--model", out, "--threshold", 0.0,
        "--json", root / "found.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    (image,) = json.loads((root / "found.json").read_text())["images"]
    assert set(image) == {"image", "targets", "mask"}
    assert set(image["targets"][0]) == {"centroid_xy", "area_px", "score", "region"}
    mask = np.asarray(Image.open(image["mask"]))
    assert mask.shape == (9, 12) and set(np.unique(mask)) <= {0, 255} and mask.any()


def test_evaluate_writes_the_keys_of_the_contract(trained):
    root, data, out, _ = trained
    result = run_command(
        "core.lgnet.evaluate", "--images", data / "images", "--masks", data / "masks", "--ids", data / "trainval.txt",
        "--model", out, "--json", root / "figures.json",
    )  # fmt: skip
    assert result.code == 0, result.err
    figures = json.loads((root / "figures.json").read_text())
    assert {"n", "iou", "niou", "pd", "fa", "fa_published", "size"} <= set(figures)


def test_a_bad_image_is_one_line_and_exit_code_two(trained):
    root, data, out, _ = trained
    bad = root / "bad.png"
    bad.write_text("not an image")
    result = run_command("core.lgnet.segment", bad, "--out", root / "m", "--model", out)
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1 and "bad.png" in result.err
    both = run_command("core.lgnet.segment", bad, data / "images" / "x1.png", "--out", root / "m", "--model", out)
    assert both.code == 0 and "skipped" in both.err


def test_training_on_masks_without_any_target_is_refused(tmp_path):
    for name in "abcd":
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png")
    result = run_command(
        "core.lgnet.train", "--data", tmp_path, "--out", tmp_path / "run", "--toy", "--descriptor", "none"
    )
    assert result.code == 2 and "No training image has a target" in result.err
