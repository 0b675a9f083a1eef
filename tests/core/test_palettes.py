import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from core.palettes import PALETTES, TARGET_COLOUR, colorize, draw_boxes, overlay, png_bytes

shapes = array_shapes(min_dims=2, max_dims=2, max_side=24)
RAMP = np.arange(256, dtype=np.uint8)[None]


def opened(png: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(png)) as image:
        return np.asarray(image)


@given(arrays(bool, shapes))
def test_masks_come_back_identical_from_png(mask):
    assert np.array_equal(opened(png_bytes(mask)), np.where(mask, 255, 0))


@given(st.one_of(arrays(np.uint8, shapes), arrays(np.uint16, shapes), arrays(np.uint8, (5, 7, 3))))
def test_images_come_back_identical_from_png(array):
    assert np.array_equal(opened(png_bytes(array)), array)


def test_the_palettes_are_the_four_of_the_studio():
    assert PALETTES == ("white-hot", "black-hot", "ironbow", "inferno")
    for palette in PALETTES:
        assert colorize(RAMP, palette).shape == (1, 256, 3) and colorize(RAMP, palette).dtype == np.uint8
    with pytest.raises(KeyError):
        colorize(RAMP, "rainbow")


def test_white_hot_is_the_identity_and_black_hot_its_negative():
    assert np.array_equal(colorize(RAMP, "white-hot"), np.repeat(RAMP[..., None], 3, axis=2))
    assert np.array_equal(colorize(RAMP, "black-hot"), np.repeat(255 - RAMP[..., None], 3, axis=2))


@pytest.mark.parametrize("palette", ["ironbow", "inferno"])
def test_hotter_is_always_brighter(palette):
    luma = colorize(RAMP, palette)[0] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma) >= -0.5).all() and luma[-1] - luma[0] > 200


def test_inferno_is_close_to_the_published_map():
    matplotlib = pytest.importorskip("matplotlib")
    published = matplotlib.colormaps["inferno"](np.arange(256))[:, :3] * 255
    assert np.abs(colorize(RAMP, "inferno")[0] - published).max() <= 7


def test_an_overlay_tints_the_mask_outlines_it_and_leaves_the_rest():
    view = np.full((7, 7, 3), 100, np.uint8)
    mask = np.zeros((7, 7), bool)
    mask[3, 3] = True
    drawn = overlay(view, mask, "#ff0000", alpha=0.5)
    assert drawn[3, 3].tolist() == [178, 50, 50]
    ring = np.zeros((7, 7), bool)
    ring[2:5, 2:5] = True
    assert (drawn[ring & ~mask] == [255, 0, 0]).all()
    assert (drawn[~ring] == 100).all() and (view == 100).all()


@given(arrays(bool, shapes))
def test_an_overlay_keeps_shape_and_type_for_every_mask(mask):
    view = np.zeros((*mask.shape, 3), np.uint8)
    assert overlay(view, mask).shape == view.shape
    assert np.array_equal(overlay(view, np.zeros_like(mask)), view)


def test_boxes_are_drawn_on_their_edges_only():
    drawn = draw_boxes(np.zeros((40, 60, 3), np.uint8), [(10, 5, 30, 20)])
    lit = drawn.any(axis=2)
    expected = np.zeros((40, 60), bool)
    expected[5:21, 10:31] = True
    expected[6:20, 11:30] = False
    assert np.array_equal(lit, expected)
    assert "#{:02x}{:02x}{:02x}".format(*drawn[5, 10]) == TARGET_COLOUR


@given(st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 4), max_size=4), st.sampled_from([(1, 1), (8, 300), (64, 64)]))
def test_boxes_anywhere_and_in_any_order_are_drawn_without_error(boxes, shape):
    view = np.zeros((*shape, 3), np.uint8)
    assert draw_boxes(view, boxes, ["a long label for a small picture"] * len(boxes)).shape == view.shape
