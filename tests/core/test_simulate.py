import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from core import scenes
from core.errors import InputError
from core.simulate import (
    COUNTS_AT_REFERENCE,
    COUNTS_PER_KELVIN,
    NOISE,
    REFERENCE,
    View,
    point_spread,
    radiance,
    radiance_per_kelvin,
    render,
    simulate,
)
from core.thermal import read_thermal

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"


def test_rendering_again_gives_the_committed_examples(tmp_path):
    render(tmp_path, n=6, seed=1)
    assert (tmp_path / "truth.json").read_text() == (EXAMPLES / "truth.json").read_text()
    committed = sorted(path.name for path in EXAMPLES.glob("*.png"))
    assert committed == sorted(path.name for path in tmp_path.glob("*.png")) and len(committed) == 6
    for name in committed:
        again, stored = read_thermal(tmp_path / name), read_thermal(EXAMPLES / name)
        assert again.bit_depth == stored.bit_depth
        difference = np.abs(again.pixels - stored.pixels)
        # Other processors round the last bit of FFT and exp otherwise: one count, in a few pixels.
        assert difference.max() <= 1 and (difference > 0).mean() < 0.01, name
        masks = read_thermal(tmp_path / "masks" / name), read_thermal(EXAMPLES / "masks" / name)
        assert np.array_equal(masks[0].pixels, masks[1].pixels)


def test_the_examples_are_small_and_of_both_depths():
    files = [path for path in EXAMPLES.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1_000_000
    assert {read_thermal(path).bit_depth for path in EXAMPLES.glob("*.png")} == {8, 16}


def test_the_command_of_the_examples_readme_is_the_one_that_is_tested():
    assert "python -m core.simulate --out examples --n 6 --seed 1" in (EXAMPLES / "README.md").read_text()


def test_radiance_follows_planck_and_its_slope():
    assert radiance(np.array([REFERENCE]))[0] == pytest.approx(1)
    step = 0.01
    slope = (radiance(np.array([REFERENCE + step])) - radiance(np.array([REFERENCE - step]))) / (2 * step)
    assert radiance_per_kelvin() == pytest.approx(slope[0], rel=1e-5)


@settings(max_examples=20)
@given(st.floats(8, 22), st.floats(8, 22), st.floats(0.6, 1.6))
def test_a_point_target_spreads_like_the_gaussian_it_is(x, y, sigma):
    spread = point_spread((31, 31), x, y, sigma)
    assert spread.sum() == pytest.approx(2 * np.pi * sigma**2, rel=1e-6)
    assert ndimage.center_of_mass(spread) == pytest.approx((y, x), abs=1e-3)
    fine = np.linspace(-0.5, 0.5, 201)  # brute-force integral over one pixel
    row, column = round(y), round(x)
    profile_x = np.exp(-((column + fine - x) ** 2) / (2 * sigma**2)).mean()
    profile_y = np.exp(-((row + fine - y) ** 2) / (2 * sigma**2)).mean()
    assert spread[row, column] == pytest.approx(profile_x * profile_y, rel=5e-3)


@pytest.mark.parametrize("scene", list(scenes.SCENES))
def test_each_scene_is_deterministic_and_its_truth_fits(scene):
    first, second = simulate(View(scene, 3, 16), seed=5), simulate(View(scene, 3, 16), seed=5)
    assert np.array_equal(first.image.pixels, second.image.pixels) and first.targets == second.targets
    assert not np.array_equal(first.image.pixels, simulate(View(scene, 3, 16), seed=6).image.pixels)
    assert first.mask.shape == first.image.pixels.shape == first.kelvin.shape == (256, 320)
    assert len(first.targets) == 3 and first.mask.sum() == sum(target.area_px for target in first.targets)
    for target in first.targets:
        x1, y1, x2, y2 = target.box_xyxy
        assert first.mask[y1:y2, x1:x2].sum() >= target.area_px > 0
        assert x1 - 0.5 <= target.centre_xy[0] <= x2 - 0.5 and y1 - 0.5 <= target.centre_xy[1] <= y2 - 0.5
    assert first.kelvin.min() > 200 and first.kelvin.max() < 330


def test_a_target_has_its_contrast_in_the_picture():
    with_target = simulate(View("sky", 1, 16), seed=11)
    (target,) = with_target.targets
    x1, y1, x2, y2 = target.box_xyxy
    around = with_target.image.pixels[y1 - 6 : y2 + 6, x1 - 6 : x2 + 6]
    peak = with_target.image.pixels[with_target.mask].max()
    assert 0.5 * target.contrast_k < (peak - np.median(around)) / COUNTS_PER_KELVIN < 1.3 * target.contrast_k


def test_no_target_means_an_empty_mask():
    simulation = simulate(View("clouds", 0, 8), seed=2)
    assert simulation.targets == () and not simulation.mask.any() and simulation.image.bit_depth == 8


def test_the_noise_of_a_flat_scene_is_the_stated_one(monkeypatch):
    flat = scenes.Scene(np.full((256, 320), REFERENCE))
    monkeypatch.setitem(scenes.SCENES, "sky", lambda rng, shape, targets: flat)
    counts = simulate(View("sky", 0, 16), seed=0).image.pixels
    assert counts.mean() == pytest.approx(COUNTS_AT_REFERENCE, abs=0.2)
    within_columns = (counts - counts.mean(axis=0)).std() / COUNTS_PER_KELVIN
    assert within_columns == pytest.approx(NOISE, rel=0.03)


def test_an_unknown_scene_is_refused():
    with pytest.raises(InputError, match="choose one of sky, clouds"):
        simulate(View("moon", 1, 8), seed=0)


def test_the_command_writes_truth_and_refuses_bad_numbers_in_one_line(tmp_path):
    command = [sys.executable, "-m", "core.simulate", "--out", str(tmp_path / "out"), "--scene", "sea"]
    good = subprocess.run(
        [*command, "--n", "1", "--json", str(tmp_path / "r.json")], cwd=ROOT, capture_output=True, text=True
    )
    assert good.returncode == 0, good.stderr
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["images"] == json.loads((tmp_path / "out" / "truth.json").read_text())
    assert (tmp_path / "out" / result["images"][0]["mask"]).is_file()
    bad = subprocess.run([*command, "--n", "0"], cwd=ROOT, capture_output=True, text=True)
    assert bad.returncode == 2 and bad.stderr == "error: --n must be at least 1 and --seed at least 0.\n"
