import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core.lgnet.calibrate import load_ranges
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
    assert {p.name for p in out.iterdir()} == {
        "checkpoint", "config.json", "curves.png", "int8.json", "metrics.json", "model.safetensors",
    }  # fmt: skip
    assert load_ranges(out)


def test_a_best_figure_of_other_validation_images_does_not_count_when_training_goes_on(tmp_path):
    names = [f"x{i}" for i in range(60)]
    data, out = folder(tmp_path / "set", names), tmp_path / "run"
    (data / "trainval.txt").write_text("\n".join(names))
    common = ["core.lgnet.train", "--data", data, "--out", out, "--toy", "--descriptor", "none", "--crop", 32]
    assert run_command(*common, "--steps", 1, "--batch", 2).code == 0
    state = out / "checkpoint" / "state.json"
    content = json.loads(state.read_text())
    content["state"]["best"] |= {"iou": 1.0, "n": 1}
    state.write_text(json.dumps(content))
    assert run_command(*common, "--steps", 2, "--batch", 2).code == 0
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["best"]["step"] == 2 and metrics["best"]["n"] == metrics["validation_images"] > 1


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
    assert figures["size"] == "native"
    resized = run_command(
        "core.lgnet.evaluate", "--images", data / "images", "--masks", data / "masks", "--model", out, "--size", 64,
        "--texts", data / "scene_prompts.tsv", "--engine", "plain", "--json", root / "resized.json",
    )  # fmt: skip
    assert resized.code == 0 and json.loads((root / "resized.json").read_text())["size"] == 64, resized.err
    wrong = run_command("core.lgnet.evaluate", "--images", data / "images", "--size", "huge")
    assert wrong.code == 2 and "--size" in wrong.err


@pytest.mark.parametrize(
    "switches",
    [
        ["--architecture", "unet", "--augment", "paper"],
        ["--toy", "--language", "never"],
        ["--toy", "--language", "both"],
    ],
)
def test_every_switch_of_the_ablation_trains(trained, tmp_path, switches):
    _, data, _, _ = trained
    result = run_command(
        "core.lgnet.train", "--data", data, "--out", tmp_path / "run", "--descriptor", "none", "--crop", 32,
        "--steps", 1, "--batch", 2, *switches,
    )  # fmt: skip
    assert result.code == 0, result.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert all(value in (metrics["architecture"], metrics["language"], metrics["augment"]) for value in switches[1::2]
               if not value.startswith("--"))  # fmt: skip


@pytest.mark.slow
def test_two_processes_train_one_network(trained, tmp_path):
    _, data, _, _ = trained
    command = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "-m",
               "core.lgnet.train", "--data", data, "--out", tmp_path / "run", "--toy", "--descriptor", "none",
               "--crop", "32", "--steps", "2", "--batch", "2"]  # fmt: skip
    done = subprocess.run([str(x) for x in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert metrics["processes"] == 2 and len(metrics["curve"]) == 1


def test_a_bad_image_is_one_line_and_exit_code_two(trained):
    root, data, out, _ = trained
    bad = root / "bad.png"
    bad.write_text("not an image")
    result = run_command("core.lgnet.segment", bad, "--out", root / "m", "--model", out)
    assert result.code == 2
    assert len(result.err.strip().splitlines()) == 1 and "bad.png" in result.err
    both = run_command("core.lgnet.segment", bad, data / "images" / "x1.png", "--out", root / "m", "--model", out)
    assert both.code == 0 and "skipped" in both.err


@pytest.mark.parametrize("numbers", [("--batch", 1), ("--steps", 0), ("--every", 0), ("--crop", 8)])
def test_numbers_that_cannot_train_are_refused(tmp_path, numbers):
    result = run_command("core.lgnet.train", "--data", tmp_path, "--out", tmp_path / "run", *numbers)
    assert result.code == 2 and "must be at least" in result.err and not (tmp_path / "run").exists()


def test_training_on_masks_without_any_target_is_refused(tmp_path):
    for name in "abcd":
        Image.new("L", (8, 8)).save(tmp_path / f"{name}.png")
    result = run_command(
        "core.lgnet.train", "--data", tmp_path, "--out", tmp_path / "run", "--toy", "--descriptor", "none"
    )
    assert result.code == 2 and "No training image has a target" in result.err
