import hashlib
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.captions import RULES, captions
from core.data.filters import faults
from core.data.pixels import View, outline_words, steepness
from core.data.readers import read_all
from core.data.records import Caption
from core.thermal import ThermalImage, from_array, read_thermal
from tests.core.data.scenes import box, record

TEXT = st.text(max_size=30)


def shot(background: float = 90, value: float = 170, unit: str = "counts") -> ThermalImage:
    """640 x 512 with a bright 20 x 10 rectangle in the center."""
    pixels = np.full((512, 640), background, np.float32)
    pixels[251:261, 310:330] = value
    return from_array(pixels, unit, 8 if unit == "counts" else 16)


@given(st.builds(Caption, *[TEXT] * 10))
def test_a_caption_survives_its_row(caption: Caption) -> None:
    assert Caption.from_json({**caption.as_json(), "image": "x.png"}) == caption


def test_a_row_of_two_texts_is_a_draft() -> None:
    assert Caption.from_json({"caption_global": "a", "caption_fine": "b"}) == Caption("a", "b", state="draft")


def test_a_caption_says_where_it_comes_from() -> None:
    told = captions(record(boxes=(box("car", 320, 256),)), shot(), random.Random(0))
    assert (told.route, told.maker, told.source_id, told.licence, told.state) == (
        "rules", RULES, "hit_uav/made", "ours", "draft",
    )  # fmt: skip
    given_ = captions(replace(record(), captions={"global": "Theirs."}), shot(), random.Random(0))
    assert (given_.global_, given_.route, given_.maker) == ("Theirs.", "published", "hit_uav")


def test_the_fine_caption_of_a_radiometric_image_tells_degrees_celsius() -> None:
    car = record(boxes=(box("car", 320, 256),))
    for image in (shot(12, 31.5, "celsius"), shot(285.15, 304.65, "kelvin")):
        told = captions(car, image, random.Random(0))
        assert "from 12.0 to 31.5 degrees Celsius" in told.fine and "19.5 degrees Celsius warmer" in told.fine
        assert not told.inferred and faults(told, radiometric=True) == []


def test_heat_is_inferred_only_from_a_measured_contrast_and_marked() -> None:
    walker = record(boxes=(box("person", 320, 256),))
    assert captions(walker, shot(), random.Random(0)).inferred.startswith("Inferred, not measured")
    assert captions(walker, shot(value=92), random.Random(0)).inferred == ""
    assert captions(walker, None, random.Random(0)).inferred == ""


def test_the_ir_aware_caption_tells_contrast_and_outline() -> None:
    told = captions(record(boxes=(box("car", 320, 256),)), shot(), random.Random(0)).ir_aware
    assert "one car in the center" in told and "bright" in told and "a sharp outline" in told


def test_an_image_without_labels_is_not_said_to_be_empty() -> None:
    unlabelled = replace(record("llvip", objects="unlabelled"), visible=Path("made.png"))
    told = captions(unlabelled, shot(), random.Random(0))
    assert not [text for text in (told.global_, told.fine, told.ir_aware) if "no " in text]


@pytest.mark.parametrize("source", ["drone_ir", "cheetah", "roadscene", "hit_uav"])
def test_a_frame_without_any_object_still_has_a_sentence(source: str) -> None:
    told = captions(record(source), NOISE, random.Random(0)).global_
    assert "  " not in told and "with ." not in told and len(told.split()) > 6, told


def test_steepness_is_the_largest_step_between_neighbours_at_the_box() -> None:
    view = View.of(shot()).gray
    assert steepness(view, box("car", 320, 256)) == 80
    assert steepness(view, box("car", 100, 100)) == 0
    assert outline_words([80]) == "a sharp outline" and outline_words([20, 30]) == "clear outlines"


@settings(max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(["person", "car", "other vehicle", "small target"]), st.integers(0, 639),
                          st.integers(0, 511), st.integers(1, 200)), max_size=40), st.randoms())  # fmt: skip
def test_captions_of_any_boxes_keep_their_limits(rows: list[tuple[str, int, int, int]], rng: random.Random) -> None:
    seen = record(boxes=tuple(box(name, x, y, side, side) for name, x, y, side in rows))
    told = captions(seen, NOISE, rng)
    assert faults(told) == [], told


NOISE = from_array(np.random.default_rng(0).integers(0, 255, (512, 640)).astype(np.uint8))


def test_captions_of_real_images_have_no_faults_and_differ(data_root: Path) -> None:
    """A sample; tests/core/data/test_build.py holds the whole build to the same."""
    records = read_all(data_root)[::40]
    texts = []
    for seen in records:
        image = read_thermal(seen.image)
        told = captions(seen, image, random.Random(hashlib.sha256(seen.id.encode()).digest()))
        assert faults(told, image.unit != "counts") == [], told
        assert "  " not in told.global_ + told.fine + told.ir_aware and all(told.as_json()[key].endswith(".") for key in
                ("caption_global", "caption_fine", "caption_ir_aware"))  # fmt: skip
        texts.append(told.global_)
    assert len(set(texts)) > 0.6 * len(texts)
