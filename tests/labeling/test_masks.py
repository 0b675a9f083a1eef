import contextlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from core.data.revisions import decode_mask
from core.errors import InputError
from labeling import masks

MASKS = hnp.arrays(np.bool_, st.tuples(st.integers(1, 33), st.integers(1, 41)))


def runs_by_hand(mask: np.ndarray) -> list[int]:
    """The slow oracle: walk the pixels."""
    runs: list[int] = []
    before = False
    for at, pixel in enumerate(mask.ravel().tolist()):
        if pixel and not before:
            runs += [at, 0]
        if pixel:
            runs[-1] += 1
        before = pixel
    return runs


@given(MASKS)
def test_runs_equal_a_walk_over_the_pixels_and_decode_to_the_same_mask(mask: np.ndarray) -> None:
    payload = json.loads(json.dumps(masks.encode(mask)))
    height, width = mask.shape
    assert payload == {"size": [width, height], "runs": runs_by_hand(mask)}
    assert np.array_equal(masks.decode(payload, width, height), mask)
    assert masks.area(payload) == mask.sum()


@given(MASKS)
def test_a_mask_survives_its_png(mask: np.ndarray) -> None:
    assert np.array_equal(decode_mask(masks.to_png(mask)), mask)
    assert set(np.unique(np.asarray(Image.fromarray(mask.astype(np.uint8) * 255)))) <= {0, 255}


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "runs",
        {"size": [4, 3]},
        {"size": [4, 3], "runs": [], "more": 1},
        {"size": [3, 4], "runs": []},
        {"size": [4, 3, 1], "runs": []},
        {"size": ["4", "3"], "runs": []},
        {"size": [4, 3], "runs": [0]},
        {"size": [4, 3], "runs": [0, 0]},
        {"size": [4, 3], "runs": [0, -1]},
        {"size": [4, 3], "runs": [-1, 2]},
        {"size": [4, 3], "runs": [0, 13]},
        {"size": [4, 3], "runs": [11, 2]},
        {"size": [4, 3], "runs": [4, 1, 0, 1]},
        {"size": [4, 3], "runs": [0, 2, 2, 1]},
        {"size": [4, 3], "runs": [0, 2, 1, 3]},
        {"size": [4, 3], "runs": [0.0, 1]},
        {"size": [4, 3], "runs": [True, 1]},
        {"size": [4, 3], "runs": [2**70, 1]},
        {"size": [4, 3], "runs": [[0, 1]]},
    ],
)
def test_anything_but_the_one_form_of_a_mask_is_refused(payload: object) -> None:
    with pytest.raises(InputError):
        masks.decode(payload, 4, 3)


@given(
    st.recursive(st.none() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5), st.lists(st.integers())
)
def test_no_payload_does_more_than_be_refused(size: object, runs: list[int]) -> None:
    with contextlib.suppress(InputError):
        masks.decode({"size": size, "runs": runs}, 4, 3)
