"""The editor's arithmetic, run by a real browser, against slow obvious versions in Python."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from playwright.sync_api import Browser, Page
from scipy import ndimage

from core.thermal import from_array
from labeling import masks
from ui.editor.component import script
from ui.editor.pictures import pack, unpack

MASKS = st.tuples(st.integers(1, 13), st.integers(1, 13)).flatmap(lambda shape: arrays(bool, shape))
STROKES = st.lists(st.tuples(st.integers(1, 7), st.booleans(), *[st.integers(-3, 12)] * 4), max_size=4)
in_a_browser = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(content=script(["pixels", "picture", "words"]))
    yield page
    page.close()


@in_a_browser
@given(mask=MASKS)
def test_a_mask_goes_through_the_editor_unchanged(tab: Page, mask: np.ndarray) -> None:
    stored = masks.encode(mask)
    read = tab.evaluate(
        "({size: [w, h], runs}) => { const m = new Mask(w, h, runs); return [m.count, m.runs()]; }", stored
    )
    assert read == [int(mask.sum()), stored["runs"]]


@in_a_browser
@given(mask=MASKS, strokes=STROKES)
def test_what_is_painted_is_what_travels_to_the_server(tab: Page, mask: np.ndarray, strokes: list[tuple]) -> None:
    paint = """({stored: {size: [w, h], runs}, strokes}) => {
      const mask = new Mask(w, h, runs);
      for (const [size, on, x0, y0, x1, y1] of strokes) for (const [x, y] of line(x0, y0, x1, y1))
        mask.flip(disc(mask, x, y, size).filter((i) => mask.bits[i] !== Number(on)));
      return mask.runs(); }"""
    runs = tab.evaluate(paint, {"stored": masks.encode(mask), "strokes": strokes})
    truth = mask.copy()
    for size, on, *ends in strokes:
        for x, y in bresenham(*ends):
            truth[disc(truth.shape, x, y, size)] = on
    height, width = mask.shape
    assert np.array_equal(masks.decode({"size": [width, height], "runs": runs}, width, height), truth)


def disc(shape: tuple[int, int], x: int, y: int, size: int) -> np.ndarray:
    """Pixels whose centre is at most half the size from the disc's; 1 px is the pixel itself."""
    rows, columns = np.indices(shape)
    shift = 0.0 if size % 2 else 0.5
    return (columns - x + shift) ** 2 + (rows - y + shift) ** 2 <= size**2 / 4


def bresenham(x0: int, y0: int, x1: int, y1: int) -> list[tuple[int, int]]:
    """The pixels of a line; along its longer axis there is exactly one a step."""
    dx, dy = abs(x1 - x0), -abs(y1 - y0)
    sx, sy, error, found = np.sign(x1 - x0), np.sign(y1 - y0), dx + dy, []
    while True:
        found.append((x0, y0))
        if (x0, y0) == (x1, y1):
            return found
        twice = 2 * error
        if twice >= dy:
            error, x0 = error + dy, int(x0 + sx)
        if twice <= dx:
            error, y0 = error + dx, int(y0 + sy)


@in_a_browser
@given(
    pixels=st.tuples(st.integers(1, 24), st.integers(1, 24)).flatmap(
        lambda s: arrays(np.uint8, s, elements=st.integers(0, 9))
    ),
    at=st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)),
    level=st.sampled_from([0.1, 0.5, 0.9]),
)
def test_a_fill_takes_what_stands_out_and_is_connected(tab: Page, pixels: np.ndarray, at: tuple, level: float) -> None:
    height, width = pixels.shape
    x, y = int(at[0] * width), int(at[1] * height)
    call = "([values, w, h, x, y, level]) => fillTarget(values, w, h, x, y, level)"
    found = tab.evaluate(call, [pixels.ravel().tolist(), width, height, x, y, level])
    filled = np.zeros(pixels.size, bool)
    filled[found] = True
    assert np.array_equal(filled.reshape(pixels.shape), target(pixels.astype(float), x, y, level))


def target(pixels: np.ndarray, x: int, y: int, level: float) -> np.ndarray:
    """The slow version of the fill: a median ring, the strongest pixel near the click, one labelled region."""
    rows, columns = np.indices(pixels.shape)
    away = np.maximum(abs(columns - x), abs(rows - y))
    ring = np.sort(pixels[(away >= 9) & (away <= 16)])
    if not ring.size:
        return np.zeros(pixels.shape, bool)
    background = ring[ring.size // 2]
    contrast = np.where(away <= 3, abs(pixels - background), -1.0)
    contrast[y, x] += 0.5 if contrast[y, x] == contrast.max() else 0  # the click itself wins a tie, then the first
    peak = np.unravel_index(np.argmax(contrast), pixels.shape)
    if pixels[peak] == background:
        return np.zeros(pixels.shape, bool)
    stands = (pixels - background) / (pixels[peak] - background) >= level
    regions, _ = ndimage.label(stands & (away <= 64), np.ones((3, 3)))
    return regions == regions[peak]


@given(arrays(np.uint16, (5, 7)), st.sampled_from([8, 16]), st.sampled_from(["counts", "celsius"]))
def test_packed_values_are_exact_for_counts_and_close_for_degrees(pixels: np.ndarray, depth: int, unit: str) -> None:
    values = pixels.astype(np.float32) if depth == 16 else (pixels % 256).astype(np.float32)
    values = values if unit == "counts" else values / 100 - 40
    step = (float(values.max()) - float(values.min())) / 0xFFFF
    error = np.abs(unpack(pack(from_array(values, unit, depth))) - values).max()
    assert error == 0 if unit == "counts" else error <= step


def test_the_page_reads_every_value_and_shows_it_in_its_unit(tab: Page) -> None:
    celsius = np.linspace(-20, 60, 641 * 513, dtype=np.float32).reshape(513, 641)
    read = """async (packed) => {
      const picture = await Picture.open(packed);
      return [Array.from(picture.values), picture.readout(640, 512), picture.readout(0, 0)]; }"""
    packed = pack(from_array(celsius, "celsius", 16))
    values, last, first = tab.evaluate(read, packed)
    assert np.abs(packed["offset"] + packed["scale"] * np.array(values) - celsius.ravel()).max() <= packed["scale"]
    assert (last, first) == ("60.00 °C", "-20.00 °C")
    counts: Any = pack(from_array(np.arange(35, dtype=np.float32).reshape(5, 7) + 7000, "counts", 16))
    assert tab.evaluate(read, {**counts})[0] == list(range(7000, 7035))
    assert tab.evaluate("async (p) => (await Picture.open(p)).readout(6, 4)", counts) == "7034"


def test_a_text_diff_says_which_words_came_and_went(tab: Page) -> None:
    steps = tab.evaluate("wordDiff('a hot small target', 'a small cold target')")
    assert steps == [[0, "a"], [-1, "hot"], [0, "small"], [1, "cold"], [0, "target"]]


IMAGES = st.tuples(st.integers(1, 40), st.integers(1, 40)).flatmap(lambda shape: arrays(np.uint8, shape))


@in_a_browser
@given(image=IMAGES, box=st.tuples(st.integers(-9, 45), st.integers(-9, 45), st.integers(0, 6)))
def test_means_over_boxes_are_those_of_the_pixels(tab: Page, image: np.ndarray, box: tuple[int, int, int]) -> None:
    (height, width), (x, y, radius) = image.shape, box
    part = image[max(0, y - radius) : max(0, y + radius + 1), max(0, x - radius) : max(0, x + radius + 1)]
    found = tab.evaluate(
        "([values, w, h, box]) => new Sums(values, w, h).mean(...box)", [image.ravel().tolist(), width, height, box]
    )
    assert found == (pytest.approx(float(part.mean())) if part.size else None)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_next_target_is_what_stands_out_not_what_is_brightest(tab: Page, sign: int) -> None:
    rows, columns = np.mgrid[:48, :64]
    pixels = 8000 + sign * (8 * rows + 300 * (columns > 40))  # a slope and an edge, brighter than the targets
    pixels[10, 20] += sign * 200
    pixels[30:33, 8:11] += sign * 150
    image = pack(from_array(pixels.astype(np.uint16), bit_depth=16, name="slope.png"))
    seek = """async ([packed, runs, inverted]) => {
        const picture = await Picture.open(packed); picture.inverted = inverted;
        return picture.outstanding(new Mask(64, 48, runs).bits, [0, 0, 64, 48]); }"""
    assert tab.evaluate(seek, [image, [], sign < 0]) == {"x": 20, "y": 10}
    second = tab.evaluate(seek, [image, [10 * 64 + 20, 1], sign < 0])
    assert 8 <= second["x"] <= 10 and 30 <= second["y"] <= 32
