"""The loss and the recall against slow, obvious versions of themselves."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from open_clip.loss import ClipLoss

from core.tclip.loss import info_nce
from core.tclip.metrics import mean_recall, recall_at, retrieval, trivial


def slow_info_nce(image: np.ndarray, text: np.ndarray, scale: float, ids: list[int]) -> float:
    count, total = len(ids), 0.0
    for i in range(count):
        others = [j for j in range(count) if j == i or ids[j] != ids[i]]
        for query, keys in ((image, text), (text, image)):
            exponents = [math.exp(scale * float(query[i] @ keys[j])) for j in others]
            total += -math.log(math.exp(scale * float(query[i] @ keys[i])) / sum(exponents))
    return total / (2 * count)


def unit_rows(seed: int, count: int, dim: int = 8) -> torch.Tensor:
    return F.normalize(
        torch.randn(count, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.double), dim=1
    )


@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), st.integers(0, 1000))
def test_the_loss_equals_a_slow_sum_over_pairs(ids: list[int], seed: int) -> None:
    image, text = unit_rows(seed, len(ids)), unit_rows(seed + 1, len(ids))
    fast = info_nce(image, text, torch.tensor(7.0, dtype=torch.double), torch.tensor(ids))
    assert fast.item() == pytest.approx(slow_info_nce(image.numpy(), text.numpy(), 7.0, ids), rel=1e-9)


def test_the_loss_is_the_one_of_open_clip_where_all_captions_differ() -> None:
    image, text, scale = unit_rows(0, 6).float(), unit_rows(1, 6).float(), torch.tensor(14.0)
    assert info_nce(image, text, scale, torch.arange(6)).item() == pytest.approx(
        ClipLoss()(image, text, scale).item(), rel=1e-5
    )


def test_pairs_with_the_same_caption_do_not_push_each_other_apart() -> None:
    image, text = unit_rows(0, 4).requires_grad_(), unit_rows(1, 4)
    info_nce(image, text, torch.tensor(5.0), torch.tensor([3, 3, 3, 3])).backward()
    assert image.grad is not None
    assert image.grad.abs().max() == 0


def slow_recall(scores: np.ndarray, relevant: np.ndarray, k: int, trials: int = 4000) -> float:
    """Shuffles ties and counts; the first relevant item of a tie stands for all."""
    rng, hits = np.random.default_rng(0), 0
    for _ in range(trials):
        for row, right in zip(scores, relevant, strict=True):
            first = next(i for i in np.flatnonzero(right) if row[i] == row[right].max())
            candidates = [i for i in range(len(row)) if i == first or not right[i]]
            order = sorted(candidates, key=lambda i: (-row[i], rng.random()))
            hits += first in order[:k]
    return hits / (trials * len(scores))


def test_recall_equals_counting_with_ties_shuffled() -> None:
    scores = np.array([[0.5, 0.5, 0.1, 0.5], [0.9, 0.2, 0.3, 0.1], [0.4, 0.4, 0.4, 0.4]])
    relevant = np.array([[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 1]], bool)
    got = recall_at(scores, relevant, ks=(1, 2, 3))
    for k in (1, 2, 3):
        assert got[f"r{k}"] == pytest.approx(slow_recall(scores, relevant, k), abs=0.02)


@given(st.integers(1, 40), st.integers(0, 99))
def test_recall_without_ties_is_the_share_of_ranks_up_to_k(count: int, seed: int) -> None:
    scores = np.random.default_rng(seed).permutation(count * count).reshape(count, count).astype(float)
    ranks = [sorted(row, reverse=True).index(row[i]) for i, row in enumerate(scores)]
    got = recall_at(scores, np.eye(count, dtype=bool))
    assert got == {f"r{k}": pytest.approx(np.mean([rank < k for rank in ranks])) for k in (1, 5, 10)}


def test_a_model_that_says_the_same_of_everything_gets_chance_level() -> None:
    same = np.tile(np.eye(4, dtype=np.float32)[:1], (20, 1))
    figures = retrieval(same, same)
    assert figures["i2t"] == pytest.approx(trivial([""] * 20))
    assert mean_recall(figures) == pytest.approx((1 + 5 + 10) / 20 / 3)


def test_knowing_only_the_group_gives_k_over_its_size() -> None:
    assert trivial(["a", "a", "a", "a", "b"])["r1"] == pytest.approx((4 * 0.25 + 1) / 5)
