from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from core.palettes import PALETTES
from core.thermal import from_array
from tests.ui.fakes import scene
from ui import images


def test_every_example_has_a_thumbnail_in_every_palette() -> None:
    assert images.examples()
    for path in images.examples():
        for palette in PALETTES:
            with Image.open(images.thumbnail(path, palette)) as picture:
                assert picture.format == "PNG" and max(picture.size) <= 224


def test_a_16_bit_target_is_visible_in_the_thumbnail(tmp_path: Path) -> None:
    pixels = np.full((40, 60), 7000, np.uint16)
    pixels[8:16, 40:48] = 9000
    Image.fromarray(pixels).save(tmp_path / "deep.png")
    with Image.open(images.thumbnail(tmp_path / "deep.png", "white-hot")) as picture:
        shown = np.asarray(picture.convert("L"))
    assert shown[10, 44] == 255 and shown[30, 10] == 0


def test_enlarging_repeats_whole_pixels() -> None:
    view = np.arange(256 * 320 * 3, dtype=np.uint32).astype(np.uint8).reshape(256, 320, 3)
    large = images.enlarged(view)
    assert large.shape == (768, 960, 3)
    assert np.array_equal(large[::3, ::3], view) and np.array_equal(large[2::3, 2::3], view)
    assert images.enlarged(np.zeros((2000, 1000), bool)).shape == (2000, 1000)


def test_the_facts_name_unit_depth_size_and_range() -> None:
    text = images.facts(scene())
    for part in ("scene.png", "64 × 48 px", "16-bit", "raw counts 7,000 to 9,000"):
        assert part in text
    warm = from_array(np.array([[-4.06, 36.2]]), "celsius", 16, "warm.jpg")
    assert "-4.1 to 36.2 °C" in images.facts(warm)


def test_a_file_name_cannot_carry_markup_into_the_page() -> None:
    assert "<img" not in images.facts(from_array(np.zeros((2, 2)), name="<img src=x onerror=alert(1)>.png"))


def test_a_download_holds_exactly_the_bytes() -> None:
    path = Path(images.download(b"exact", "a.json"))
    assert path.name == "a.json" and path.read_bytes() == b"exact"


def test_a_missing_upload_says_what_to_do() -> None:
    with pytest.raises(InputError, match="drop one"):
        images.uploaded(None)
