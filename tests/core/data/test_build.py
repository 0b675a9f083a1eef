import json
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path

import datasets
import numpy as np
import pytest

from core.data.bench import measure, repeated
from core.data.build import build
from core.data.captions import captions
from core.data.conversations import read_conversations
from core.data.filters import faults
from core.data.pixels import contrast, contrast_words, extremes
from core.data.readers import read_all
from core.data.records import TEXTS, Caption
from core.data.templates import TEMPLATES
from core.errors import InputError
from core.thermal import from_array
from tests.core.data.scenes import box, files_of, hit_uav_folder, record


def test_the_same_seed_gives_the_same_bytes_and_another_seed_other_ones(tmp_path: Path) -> None:
    data = hit_uav_folder(tmp_path / "data")
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        build(data, tmp_path / name, seed)
    first, second, other = (files_of(tmp_path / name) for name in "abc")
    assert {"report.html", "manifest.json", "data/pretrain/train.parquet"} <= first.keys() and first == second
    assert first["train.questions.jsonl"] != other["train.questions.jsonl"]


def test_every_image_named_in_the_files_lies_under_the_data_folder(tmp_path: Path) -> None:
    data = hit_uav_folder(tmp_path / "data")
    counts = build(data, tmp_path / "out")["counts"]
    for split in ("train", "val", "test"):
        asked = list(read_conversations(tmp_path / "out" / f"{split}.questions.jsonl"))
        told = [json.loads(line) for line in (tmp_path / "out" / f"{split}.captions.jsonl").read_text().splitlines()]
        assert all((data / row["image"]).is_file() for row in [*asked, *told])
        assert len(told) == counts.get(split, {}).get("images", {}).get("hit_uav", 0)
        assert len(asked) == sum(sum(own.values()) for task, own in counts.get(split, {}).items()
                                 if task not in ("images", "captions"))  # fmt: skip


def test_the_three_subsets_open_with_load_dataset(tmp_path: Path) -> None:
    out = tmp_path / "out"
    sizes = build(hit_uav_folder(tmp_path / "data"), out)["subsets"]
    for subset, number in sizes.items():
        parts = datasets.load_dataset(str(out), subset, cache_dir=str(tmp_path / "cache"))
        assert sum(part.num_rows for part in parts.values()) == number > 0
    row = datasets.load_dataset(str(out), "benchmark", split="test", cache_dir=str(tmp_path / "cache"))[0]
    asked = json.loads((out / "benchmark.jsonl").read_text().splitlines()[0])
    assert (row["id"], row["answer"]) == (asked["id"], asked["conversations"][1]["value"])


def test_an_image_that_can_not_be_used_is_reported_and_stops_nothing(tmp_path: Path) -> None:
    data = hit_uav_folder(tmp_path / "data")
    images = sorted((data / "hit_uav" / "images").iterdir())
    images[0].write_bytes(b"no image")
    images[1].unlink()
    told = build(data, tmp_path / "out")
    rows = [json.loads(line) for line in (tmp_path / "out" / "rejected.jsonl").read_text().splitlines()]
    assert told["records"]["rejected"] == 2 and {row["image"] for row in rows} == {
        image.relative_to(data).as_posix() for image in images[:2]
    }


def test_the_bench_builds_the_same_images_under_other_ids(tmp_path: Path) -> None:
    data = hit_uav_folder(tmp_path)
    ids = [record.id for record in islice(repeated(read_all(data)), 90)]
    assert len(set(ids)) == 90 and ids[0].split("@")[0] == ids[40].split("@")[0]
    told = measure(data, 90, 1)
    assert told["records"] == 90 and told["records_per_second"] > 0 and told["peak_megabytes"] > 50


@pytest.mark.slow
def test_the_whole_build_has_nine_tasks_and_captions_without_faults_and_repeats_its_bytes(
    tmp_path: Path, data_root: Path
) -> None:
    made = build(data_root, tmp_path / "first")
    for split in ("train", "test"):
        assert made["counts"][split].keys() == {"images", "captions", *TEMPLATES}
    files = tmp_path.glob("first/*.captions.jsonl")
    rows = [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        assert faults(Caption.from_json(row), radiometric=row["source"] == "radiometric") == [], row
        assert all("  " not in row[name] and row[name].endswith(".") for name in TEXTS.values() if row[name]), row
    assert len(rows) == sum(sum(own["captions"].values()) for own in made["counts"].values()) > 3000
    build(data_root, tmp_path / "second")
    assert files_of(tmp_path / "first") == files_of(tmp_path / "second")


def test_questions_an_image_can_be_capped(tmp_path: Path) -> None:
    data = hit_uav_folder(tmp_path / "data")
    build(data, tmp_path / "out", per_image=1)
    images = [row["image"] for row in read_conversations(tmp_path / "out" / "train.questions.jsonl")]
    assert len(set(images)) == len(images) > 5
    with pytest.raises(InputError, match="per-image"):
        build(data, tmp_path / "out", per_image=0)


def test_the_command_exits_with_2_and_one_line_on_a_folder_without_data(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "core.data.build", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1


def test_contrast_is_the_difference_to_the_ring_around_the_box() -> None:
    view = np.full((40, 60), 50, np.float32)
    view[10:20, 20:40] = 130
    assert contrast(view, box("car", 30, 15, 20, 10)) == pytest.approx(80)
    assert contrast(view, box("car", 30, 20, 60, 40)) == 0, "a box that fills the image has no ring"


def test_contrast_words_follow_the_sign_and_the_mixture() -> None:
    assert contrast_words([41.2]) == "clearly brighter than the surround by 41 gray levels"
    assert contrast_words([-8.0]) == "slightly darker than the surround by 8 gray levels"
    assert contrast_words([1.0]) == "about as bright as the surround"
    assert contrast_words([30, 40, -20]) == "mixed, 2 brighter and 1 darker than the surround"


def test_the_brightest_and_darkest_ninth_are_named() -> None:
    view = np.full((30, 30), 100, np.float32)
    view[:10, 20:], view[20:, 10:20] = 200, 10
    assert extremes(view) == ("upper right", "bottom")
    assert extremes(np.full((30, 30), 7, np.float32)) == ("", "")


def test_the_global_caption_tells_time_height_numbers_and_places() -> None:
    seen = record(boxes=(*(box("car", x, 60) for x in (40, 80, 120)), box("person", 600, 480)))
    told = captions(seen, None, random.Random(0)).global_
    assert all(part in told for part in ("three cars in the upper left", "person in the lower right", "150 meters"))


def test_the_fine_caption_tells_what_the_pixels_show() -> None:
    pixels = np.full((512, 640), 90, np.uint8)
    pixels[251:261, 310:330] = 170
    told = captions(record(boxes=(box("car", 320, 256),)), from_array(pixels), random.Random(0)).fine
    assert "one car in the center, 20 by 10 pixels, far brighter than the surround by 80 gray levels" in told
