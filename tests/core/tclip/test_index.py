"""The index against brute force."""

import itertools
import threading

import numpy as np
import pytest

from core.errors import InputError
from core.tclip.index import ImageIndex, fuse, fused_scores
from core.tclip.predictor import ThermalCLIP
from core.thermal import ThermalImage, from_array


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.fixture
def index(toy: ThermalCLIP, images: list[ThermalImage]) -> ImageIndex:
    index = ImageIndex(toy)
    index.add(images, [image.name for image in images])
    return index


@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.8, 1.0])
def test_scores_equal_fusing_everything_first(alpha: float) -> None:
    rng = np.random.default_rng(0)
    branches = [unit(rng.normal(size=(50, 16))) for _ in range(2)]
    query = [unit(rng.normal(size=16)) for _ in range(2)]
    slow = [float(fuse([branches[0][i], branches[1][i]], alpha) @ fuse(query, alpha)) for i in range(50)]
    assert fused_scores(branches, query, alpha) == pytest.approx(slow)


@pytest.mark.parametrize(("alpha", "adapter"), [(1.0, "global"), (0.0, "fine")])
def test_alpha_at_its_ends_is_one_branch_alone(
    index: ImageIndex, toy: ThermalCLIP, images: list[ThermalImage], alpha: float, adapter: str
) -> None:
    scores = toy.encode_images(images, adapter) @ toy.encode_texts(["two cars"], adapter)[0]
    hits = index.search(text="two cars", alpha=alpha, top=len(images))
    assert [hit.position for hit in hits] == list(np.argsort(-scores, kind="stable"))
    assert [hit.score for hit in hits] == pytest.approx(np.sort(scores)[::-1], abs=2e-2)


@pytest.mark.parametrize("top", [1, 3, 7, 100])
def test_search_equals_sorting_all_scores(
    index: ImageIndex, toy: ThermalCLIP, images: list[ThermalImage], top: int
) -> None:
    rows = fuse([toy.encode_images(images, name) for name in ("global", "fine")], 0.8)
    query = fuse([toy.encode_texts(["one person"], name)[0] for name in ("global", "fine")], 0.8)
    order = np.argsort(-(rows @ query), kind="stable")[:top]
    hits = index.search(text=" one person ", top=top)
    assert [hit.position for hit in hits] == list(order)
    assert [hit.name for hit in hits] == [images[i].name for i in order]
    assert all(a.score >= b.score for a, b in itertools.pairwise(hits))


def test_an_indexed_image_finds_itself_first(index: ImageIndex, images: list[ThermalImage]) -> None:
    best = index.search(image=images[2], top=1)[0]
    assert (best.name, best.position) == ("2.png", 2)
    assert best.score == pytest.approx(1, abs=2e-3)


def test_adding_one_by_one_is_adding_together(toy: ThermalCLIP, images: list[ThermalImage], index: ImageIndex) -> None:
    single = ImageIndex(toy)
    for image in images:
        single.add([image], [image.name])
    assert len(single) == len(index) == len(images)
    for one, many in zip(single.branches, index.branches, strict=True):
        assert one == pytest.approx(many, abs=2e-2)


def test_an_empty_index_finds_nothing(toy: ThermalCLIP) -> None:
    index = ImageIndex(toy)
    index.add([], [])
    assert len(index) == 0
    assert index.search(text="a car") == []


@pytest.mark.parametrize("bad", [{}, {"text": "  "}, {"text": "a", "alpha": 1.1}, {"text": "a", "top": 0}])
def test_a_search_without_a_sensible_question_is_refused(index: ImageIndex, bad: dict) -> None:
    with pytest.raises(InputError):
        index.search(**bad)


def test_equal_images_come_in_the_order_of_adding(toy: ThermalCLIP) -> None:
    index = ImageIndex(toy)
    image = from_array(np.full((20, 20), 9.0))
    index.add([image] * 3, ["a", "b", "c"])
    assert [hit.name for hit in index.search(text="sky")] == ["a", "b", "c"]


def test_adding_while_others_search_loses_nothing(toy: ThermalCLIP, images: list[ThermalImage]) -> None:
    index = ImageIndex(toy)
    threads = [threading.Thread(target=index.add, args=([image], [image.name])) for image in images]
    for thread in threads:
        thread.start()
        index.search(text="sky")
    for thread in threads:
        thread.join()
    assert sorted(index.names) == sorted(image.name for image in images)
    assert all(len(rows) == len(images) for rows in index.branches)
