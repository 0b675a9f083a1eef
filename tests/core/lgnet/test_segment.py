import csv
import json
import os
import subprocess
import sys
import time

import av
import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.lgnet.frames import find_sources, read_frames
from core.palettes import png_bytes
from tests.commands import run_command
from tests.core.lgnet.test_commands import trained  # noqa: F401 (a fixture)


def write_clip(path, frames=5, side=32):
    """A clip whose frame n is grey 20 n modulo 256, in a codec without loss."""
    with av.open(str(path), "w") as clip:
        stream = clip.add_stream("ffv1", rate=5)
        stream.width = stream.height = side
        stream.pix_fmt = "gray"
        for n in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((side, side), 20 * n % 256, np.uint8), format="gray")
            clip.mux(stream.encode(frame))
        clip.mux(stream.encode(None))
    return path


def write_images(folder, count, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        height, width = rng.integers(24, 72, 2)
        pixels = rng.integers(0, 65536 if i % 3 == 0 else 256, (height, width))
        (folder / f"{i:03}.png").write_bytes(png_bytes(pixels.astype(np.uint16 if i % 3 == 0 else np.uint8)))
    return folder


def segment(out, model, *inputs, **options):
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    return run_command(
        "core.lgnet.segment", *inputs, "--out", out, "--model", model, "--json", out.with_suffix(".json"), *flags
    )


def test_frames_of_a_clip_are_exact_and_numbered(tmp_path):
    (source,) = find_sources([write_clip(tmp_path / "clip.mkv")])
    frames = list(read_frames(source))
    assert [f.key for f in frames] == [f"{source.path}#{n}" for n in range(1, 6)]
    assert [float(f.image.pixels.mean()) for f in frames] == [0, 20, 40, 60, 80]
    assert frames[0].image.pixels.shape == (32, 32)


def test_a_clip_that_is_damaged_or_none_is_an_error_in_its_place(tmp_path):
    whole = write_clip(tmp_path / "whole.mkv", frames=20).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    (tmp_path / "text.mp4").write_text("no clip")
    for name in ("cut.mkv", "text.mp4"):
        frames = list(read_frames(find_sources([tmp_path / name])[0]))
        assert all(isinstance(f.image, InputError) for f in frames) == (name == "text.mp4")
    with pytest.raises(InputError, match="holds no image or clip"):
        find_sources([tmp_path / "whole.mkv", (tmp_path / "empty").mkdir() or tmp_path / "empty"])


def test_folders_and_clips_give_masks_one_table_and_exact_json(trained, tmp_path):  # noqa: F811
    folder, clip = write_images(tmp_path / "in", 4), write_clip(tmp_path / "clip.mkv", frames=3)
    (folder / "bad.png").write_text("not an image")
    out = tmp_path / "out"
    result = segment(out, trained[2], folder, clip, threshold=0.0)
    assert result.code == 0, result.err
    assert "skipped: 'bad.png'" in result.err and "7 images, 0 of them done before, 1 skipped" in result.out
    content = json.loads(out.with_suffix(".json").read_text())
    assert set(content) == {"images"} and len(content["images"]) == 7
    for image in content["images"]:
        assert set(image) == {"image", "targets", "mask"}
        assert set(image["targets"][0]) == {"centroid_xy", "area_px", "score", "region"}
        assert set(np.unique(Image.open(image["mask"]))) <= {0, 255}
    rows = list(csv.DictReader((out / "targets.csv").open()))
    assert len(rows) == sum(len(image["targets"]) for image in content["images"])
    assert {row["image"] for row in rows} == {image["image"] for image in content["images"]}


def test_a_stopped_run_goes_on_and_other_settings_start_anew(trained, tmp_path):  # noqa: F811
    folder, out = write_images(tmp_path / "in", 4), tmp_path / "out"
    assert segment(out, trained[2], folder / "000.png", folder / "001.png").code == 0
    with (out / "segment.jsonl").open("a") as journal:
        journal.write('{"image": "cut sh')  # what a stop leaves behind
    old = {p.name: p.stat().st_mtime_ns for p in out.glob("*_mask.png")}
    result = segment(out, trained[2], folder)
    assert "4 images, 2 of them done before" in result.out, result.err
    assert all((out / name).stat().st_mtime_ns == when for name, when in old.items())
    first = json.loads(out.with_suffix(".json").read_text())
    assert "4 images, 4 of them done before" in segment(out, trained[2], folder).out
    assert json.loads(out.with_suffix(".json").read_text()) == first
    assert "4 images, 0 of them done before" in segment(out, trained[2], folder, threshold=0.4).out


def test_equal_names_from_two_folders_do_not_overwrite_each_other(trained, tmp_path):  # noqa: F811
    a, b = write_images(tmp_path / "a", 1), write_images(tmp_path / "b", 1, seed=1)
    assert segment(tmp_path / "out", trained[2], a, b).code == 0
    masks = [image["mask"] for image in json.loads((tmp_path / "out.json").read_text())["images"]]
    assert len(set(masks)) == 2 and [Image.open(m).size for m in masks] == [
        Image.open(folder / "000.png").size for folder in (a, b)
    ]


@pytest.mark.slow
def test_two_hundred_mixed_images_take_no_more_memory_than_twenty(tmp_path):
    """The bundled network in a process of its own: peak memory after 20 and after 200 images, and images a second."""
    peaks = {}
    for count in (20, 200):
        folder, out = write_images(tmp_path / f"in{count}", count), tmp_path / f"out{count}"
        command = [sys.executable, "-m", "core.lgnet.segment", folder, "--out", out]
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        peaks[count] = usage.ru_maxrss / 1024
        print(f"{count} images: {count / (time.monotonic() - started):.2f} images/s, peak {peaks[count]:.0f} MiB")
        assert status == 0 and len(list(out.glob("*_mask.png"))) == count
    assert peaks[200] < peaks[20] * 1.15
