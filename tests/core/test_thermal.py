import contextlib
import io
import re
import sys
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from core.errors import InputError
from core.palettes import png_bytes
from core.thermal import ThermalImage, from_array, read_thermal, safe_name
from tests.hostile import png_bomb, tiff_bytes

counts16 = arrays(np.uint16, array_shapes(min_dims=2, max_dims=2, max_side=24))
counts8 = arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=24))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


@given(counts16)
def test_sixteen_bit_counts_come_back_identical_from_png_and_tiff(counts):
    files = [png_bytes(counts), tiff_bytes(counts), tiff_bytes(counts, byteorder=">")]
    files += [saved(Image.fromarray(counts), "TIFF", compression=kind) for kind in ("tiff_lzw", "tiff_deflate")]
    for file in files:
        image = read_thermal(file, "a")
        assert image.bit_depth == 16 and image.unit == "counts"
        assert image.pixels.dtype == np.float32
        assert np.array_equal(image.pixels, counts)


@given(counts8)
def test_eight_bit_images_come_back_identical_and_display_as_they_are(counts):
    for kind in ("PNG", "TIFF", "BMP"):
        image = read_thermal(saved(Image.fromarray(counts), kind))
        assert image.bit_depth == 8
        assert np.array_equal(image.view8(), counts)


@given(counts8)
def test_grey_stored_as_colour_stays_exact(counts):
    alpha = np.full_like(counts, 7)
    for channels in ([counts] * 3, [counts] * 3 + [alpha], [counts, alpha]):
        assert np.array_equal(read_thermal(saved(Image.fromarray(np.dstack(channels)), "PNG")).pixels, counts)


def test_colour_becomes_bt601_luma():
    pixel = read_thermal(png_bytes(np.array([[[200, 100, 50]]], np.uint8))).pixels[0, 0]
    assert pixel == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)
    deep = tiff_bytes(np.array([[[20000, 10000, 5000]]], np.uint16), photometric="rgb")
    assert read_thermal(deep).pixels[0, 0] == round(0.299 * 20000 + 0.587 * 10000 + 0.114 * 5000)


def test_palette_one_bit_and_webp_images_are_read():
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.array_equal(read_thermal(saved(Image.fromarray(grey).convert("P"), "PNG")).pixels, grey)
    assert set(np.unique(read_thermal(saved(Image.fromarray(grey > 31), "PNG")).pixels)) == {0, 255}
    assert np.array_equal(read_thermal(saved(Image.fromarray(grey), "WEBP", lossless=True)).pixels, grey)


def test_of_several_tiff_pages_the_first_is_read():
    pages = np.stack([np.full((5, 7), value, np.uint16) for value in (300, 400)])
    assert np.unique(read_thermal(tiff_bytes(pages, photometric="minisblack")).pixels) == 300


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int16, np.int32, np.uint32])
def test_other_number_types_of_tiff_are_read(dtype):
    values = np.array([[20, 21], [22, 1000]], dtype)
    image = read_thermal(tiff_bytes(values))
    assert np.array_equal(image.pixels, values)
    assert image.bit_depth == (16 if values.itemsize == 2 else 32)


def test_planar_colour_and_compressed_float_tiffs_are_read():
    planar = np.stack([np.full((4, 6), 500, np.uint16)] * 3)
    assert np.unique(read_thermal(tiff_bytes(planar, photometric="rgb", planarconfig="separate")).pixels) == 500
    kelvin = np.linspace(250, 320, 24, dtype=np.float32).reshape(4, 6)
    compressed = saved(Image.fromarray(kelvin), "TIFF", compression="tiff_adobe_deflate")
    assert np.array_equal(read_thermal(compressed).pixels, kelvin)


def test_nan_becomes_the_minimum_and_infinities_the_extremes():
    values = np.array([[np.nan, 3, np.inf], [-np.inf, 5, 4]], np.float32)
    assert read_thermal(tiff_bytes(values)).pixels.tolist() == [[3, 3, 5], [3, 5, 4]]
    assert np.isfinite(from_array(np.array([[1e300, 1.0]])).pixels).all()


def test_sizes_are_width_by_height_and_units_are_kept():
    image = from_array(np.zeros((3, 5)), unit="kelvin", bit_depth=16, name="a/b.png")
    assert (image.height, image.width, image.size, image.unit, image.name) == (3, 5, (5, 3), "kelvin", "b.png")
    for bad in (np.zeros(3), np.zeros((0, 4)), np.zeros((2, 2, 2))):
        with pytest.raises(InputError, match="height x width"):
            from_array(bad)


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=16), elements=st.floats(-1e6, 1e6, width=32)))
def test_the_view_of_deep_images_is_the_linear_percentile_window(pixels):
    view = ThermalImage(pixels, bit_depth=16).view8()
    assert view.dtype == np.uint8
    black, white = np.percentile(pixels.astype(np.float64), [0.5, 99.5])
    if white <= black:
        black, white = float(pixels.min()), float(pixels.max())
    if white <= black:
        assert not view.any()
        return
    for value, seen in zip(pixels.ravel().tolist(), view.ravel().tolist(), strict=True):
        expected = min(max((value - black) / (white - black), 0), 1) * 255
        assert abs(seen - expected) <= 0.5 + 1e-6


def test_a_single_hot_pixel_on_a_flat_field_stays_visible():
    pixels = np.full((64, 64), 8000, np.float32)
    pixels[9, 9] = 8400
    view = ThermalImage(pixels, bit_depth=16).view8()
    assert view[9, 9] == 255 and view.sum() == 255


def test_models_see_numbers_between_zero_and_one():
    image = from_array(np.array([[0, 51], [102, 255]], np.uint8))
    assert image.unit01().dtype == np.float32
    assert np.allclose(image.unit01(), [[0, 0.2], [0.4, 1]])
    assert not from_array(np.full((4, 4), 9000), bit_depth=16).unit01().any()


@given(st.text(max_size=200))
def test_every_name_becomes_a_safe_base_name(name):
    safe = safe_name(name)
    assert 0 < len(safe) <= 100
    assert not re.search(r"""[/\\<>"'&\x00-\x1f:*?|]""", safe) and not safe.startswith(".")
    assert read_thermal(png_bytes(np.zeros((1, 1), np.uint8)), name).name == safe_name(name or "image")


def test_a_name_that_climbs_folders_loses_them(tmp_path):
    assert read_thermal(png_bytes(np.zeros((1, 1), np.uint8)), "../../x.png").name == "x.png"
    (tmp_path / "x.png").write_bytes(png_bytes(np.zeros((1, 1), np.uint8)))
    (tmp_path / "y").mkdir()
    assert read_thermal(tmp_path / "y" / ".." / "x.png").name == "x.png"
    assert safe_name("..\\..\\<b>.png") == "_b_.png"


def test_each_hostile_file_gives_one_sentence_with_its_name_and_the_next_step(hostile):
    for kind, path in hostile.items():
        with pytest.raises(InputError) as raised:
            read_thermal(path)
        message = str(raised.value)
        assert message.startswith(f"'{path.name}' "), kind
        assert message.endswith(".") and message.count(". ") == 0 and ": " in message and "\n" not in message, message
        if path.is_file():
            with pytest.raises(InputError, match=re.escape(path.name)):
                read_thermal(path.read_bytes(), path.name)


def test_hostile_files_leave_nothing_on_stderr(hostile, capfd):
    for path in hostile.values():
        with pytest.raises(InputError):
            read_thermal(path)
    assert capfd.readouterr().err == ""


def test_a_bomb_is_refused_before_it_is_decoded(hostile):
    tracemalloc.start()
    started = time.perf_counter()
    for kind in ("bomb.png", "bomb.tif"):
        with pytest.raises(InputError, match="more than 25 megapixels"):
            read_thermal(hostile[kind])
    assert time.perf_counter() - started < 1
    assert tracemalloc.get_traced_memory()[1] < 16e6
    tracemalloc.stop()


@pytest.mark.filterwarnings("error::PIL.Image.DecompressionBombWarning")  # as core.thermal sets it
@pytest.mark.parametrize("side", [5020, 6000, 8000, 12000])  # around Pillow's warning and its error
def test_bombs_of_every_size_above_the_limit_are_refused(side):
    with pytest.raises(InputError, match="more than 25 megapixels"):
        read_thermal(png_bomb(side), "b.png")


def test_an_image_at_the_limit_is_read():
    assert read_thermal(png_bomb(5000), "b.png").size == (5000, 5000)


@settings(max_examples=150)
@given(st.data())
def test_damaged_bytes_raise_input_error_or_give_an_image(data):
    noise = np.random.default_rng(1).integers(0, 60000, (16, 16), np.uint16)
    grey = Image.fromarray((noise >> 8).astype(np.uint8))
    files = [png_bytes(noise), tiff_bytes(noise), saved(Image.fromarray(noise), "TIFF", compression="tiff_lzw")]
    files += [saved(grey, kind) for kind in ("JPEG", "BMP", "WEBP", "PNG")]
    damaged = bytearray(data.draw(st.sampled_from(files)))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    damaged = damaged[: data.draw(st.integers(0, len(damaged)))]
    with contextlib.suppress(InputError):
        assert np.isfinite(read_thermal(bytes(damaged), "x").pixels).all()


@settings(max_examples=60)
@given(st.binary(max_size=300))
def test_flir_segments_of_any_bytes_raise_input_error(body):
    jpeg = saved(Image.new("L", (8, 8)), "JPEG")
    segment = b"FLIR\0\x01\0\0FFF\0" + body
    with pytest.raises(InputError, match="FLIR"):
        read_thermal(jpeg[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + jpeg[2:], "x.jpg")


@pytest.mark.parametrize(
    ("name", "size", "low", "high"),
    [("FLIR", (240, 320), 25.9, 62.3), ("FLIR_AX8", (80, 60), 24.4, 25.5), ("FLIR_E40", (160, 120), 17.9, 24.7)],
)
def test_flir_files_give_the_published_temperatures(data_root: Path, name, size, low, high):
    image = read_thermal(data_root / "radiometric" / f"{name}.jpg")
    assert (image.unit, image.bit_depth, image.size) == ("celsius", 16, size)
    assert image.pixels.min() == pytest.approx(low, abs=0.06) and image.pixels.max() == pytest.approx(high, abs=0.06)


def test_a_dji_file_gives_temperatures_or_says_what_is_missing(data_root: Path):
    path = data_root / "radiometric" / "DJI_H20T.jpg"
    try:
        import dji_thermal_cli  # noqa: F401
    except (ImportError, SyntaxError):
        with pytest.raises(InputError, match=r"DJI radiometric JPEG, which needs Python 3\.12 .*dji-thermal-cli"):
            read_thermal(path)
        return
    image = read_thermal(path)
    assert sys.version_info >= (3, 12) and (image.unit, image.size) == ("celsius", (640, 512))
    assert image.pixels.min() == pytest.approx(13.1, abs=0.06) and image.pixels.max() == pytest.approx(28.1, abs=0.06)


def test_a_truncated_dji_file_gives_one_sentence(data_root: Path):
    data = (data_root / "radiometric" / "DJI_H20T.jpg").read_bytes()
    with pytest.raises(InputError, match=r"'d\.jpg' is damaged"):
        read_thermal(data[:600_000], "d.jpg")  # inside the raw frame


def test_a_truncated_flir_file_gives_one_sentence(data_root: Path):
    data = (data_root / "radiometric" / "FLIR_E40.jpg").read_bytes()
    with pytest.raises(InputError, match=r"'f\.jpg' is a FLIR JPEG"):
        read_thermal(data[:9000], "f.jpg")


def test_plain_jpegs_stay_plain(data_root: Path):
    for path in sorted((data_root / "roadscene" / "infrared").glob("*.jpg"))[:3]:
        image = read_thermal(path)
        assert (image.unit, image.bit_depth) == ("counts", 8)
        with Image.open(path) as opened:
            assert np.array_equal(image.pixels, np.asarray(opened.convert("L")))


def test_every_tiff_compression_that_is_written_here_is_the_same_image():
    counts = np.random.default_rng(3).integers(7000, 9000, (40, 50)).astype(np.uint16)
    plain = tifffile.imread(io.BytesIO(tiff_bytes(counts)))
    for kind in ("tiff_lzw", "tiff_deflate", "packbits"):
        assert np.array_equal(read_thermal(saved(Image.fromarray(counts), "TIFF", compression=kind)).pixels, plain)
