import numpy as np
import pytest

from core.lgnet.filters import FILTERS


def scene():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:80, :100]
    image = 0.3 + 0.2 * y / 80 + rng.normal(0, 0.004, (80, 100))
    return image + 0.5 * np.exp(-((x - 60) ** 2 + (y - 30) ** 2) / 4.5)


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_finds_a_bright_point_on_a_slope_and_nothing_else(name):
    mask = FILTERS[name](scene())
    assert mask.shape == (80, 100) and mask.dtype == bool
    ys, xs = np.nonzero(mask)
    assert mask[30, 60] and np.hypot(ys - 30, xs - 60).max() < 6


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_is_silent_on_a_flat_image(name):
    assert not FILTERS[name](np.full((30, 30), 0.5)).any()
