"""Recall at K of cross-modal retrieval, in expectation over ties, and what trivial rankings would reach."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

KS = (1, 5, 10)
TIE = 1e-6  # cosines this close are one score: equal captions differ in the last bit of a matrix product


def recall_at(scores: np.ndarray, relevant: np.ndarray, ks: Sequence[int] = KS) -> dict[str, float]:
    """Share of queries with a relevant item among the K best, {"r1": ..., "r5": ..., "r10": ...}.

    An irrelevant item that ties with the best relevant one comes first with equal chance, so that constant scores
    get chance level and not a perfect result.

    Args:
        scores: (Q, N) similarities. relevant: bool (Q, N), at least one in each row.
    """
    best = np.where(relevant, scores, -np.inf).max(axis=1, keepdims=True)
    better = (~relevant & (scores > best + TIE)).sum(axis=1)
    tied = (~relevant & (np.abs(scores - best) <= TIE)).sum(axis=1)
    return {f"r{k}": float(np.clip((k - better) / (tied + 1), 0, 1).mean()) for k in ks}


def retrieval(images: np.ndarray, texts: np.ndarray) -> dict[str, dict[str, float]]:
    """Both directions for (N, D) unit rows where image i belongs to text i and to no other."""
    scores = images @ texts.T
    pairs = np.eye(len(scores), dtype=bool)
    return {"i2t": recall_at(scores, pairs), "t2i": recall_at(scores.T, pairs)}


def mean_recall(figures: dict[str, dict[str, float]]) -> float:
    """Mean of R@1, R@5, R@10 in both directions, in [0, 1]; what model selection maximises."""
    return float(np.mean([value for direction in ("i2t", "t2i") for value in figures[direction].values()]))


def trivial(groups: Sequence[str], ks: Sequence[int] = KS) -> dict[str, float]:
    """Expected recall of a ranking that knows each item's group (for example its data set) and nothing else."""
    sizes = Counter(groups)
    return {f"r{k}": float(np.mean([min(1.0, k / sizes[group]) for group in groups])) for k in ks}
