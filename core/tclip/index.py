"""An index of thermal images that sentences and images are matched against, exactly."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import InputError
from core.tclip.builders import ADAPTERS, FUSION_ALPHA
from core.tclip.predictor import ThermalCLIP
from core.thermal import ThermalImage


@dataclass(frozen=True)
class Hit:
    """One result: the image's name, its cosine in [-1, 1], and its position in the order of adding."""

    name: str
    score: float
    position: int


class ImageIndex:
    """Both branches' vectors of every image, in memory; thread-safe.

    Adding an image runs the vision tower; a search is two matrix-vector products.
    """

    def __init__(self, model: ThermalCLIP) -> None:
        self.model = model
        self.lock = threading.Lock()
        self.names: list[str] = []
        self.branches = [np.zeros((0, model.config["embed_dim"]), np.float32) for _ in ADAPTERS]  # each (N, D)

    def __len__(self) -> int:
        return len(self.names)

    def add(self, images: Sequence[ThermalImage], names: Sequence[str]) -> None:
        """Append images under names (which need not be unique)."""
        if len(images) != len(names):
            raise ValueError(f"{len(images)} images but {len(names)} names")
        if not len(images):
            return
        features = self.model.features(images)
        rows = [self.model.project(features, adapter) for adapter in ADAPTERS]
        with self.lock:
            self.branches = [np.concatenate(pair) for pair in zip(self.branches, rows, strict=True)]
            self.names = [*self.names, *names]

    def search(
        self, text: str | None = None, image: ThermalImage | None = None, top: int = 12, alpha: float = FUSION_ALPHA
    ) -> list[Hit]:
        """The best matches of a sentence or an image, best first.

        Args:
            text, image: exactly one of them; it goes to both branches.
            alpha: weight of the global branch in [0, 1].

        Raises:
            InputError: neither or both are given, the text is blank, or alpha or top are out of range.
        """
        if (text is None) == (image is None) or (text is not None and not text.strip()):
            raise InputError("Type a sentence or give an image to search with.")
        if not 0 <= alpha <= 1 or top < 1:
            raise InputError("alpha must lie between 0 and 1 and the number of results must be at least 1.")
        if image is not None:
            features = self.model.features([image])
            query = [self.model.project(features, adapter)[0] for adapter in ADAPTERS]
        else:
            query = [self.model.encode_texts([str(text).strip()], adapter)[0] for adapter in ADAPTERS]
        with self.lock:
            names, branches = self.names, self.branches
        if not names:
            return []
        scores = fused_scores(branches, query, alpha)
        top = min(top, len(scores))
        best = np.argpartition(scores, len(scores) - top)[-top:]
        best = best[np.lexsort((best, -scores[best]))]  # ties in the order of adding
        return [Hit(names[i], float(scores[i]), int(i)) for i in best]


def fuse(branches: Sequence[np.ndarray], alpha: float) -> np.ndarray:
    """a * global + (1 - a) * fine, then unit length again (paper's retrieval fusion); unit rows (..., D)."""
    mixed = alpha * branches[0] + (1 - alpha) * branches[1]
    return mixed / np.maximum(np.linalg.norm(mixed, axis=-1, keepdims=True), 1e-12)


def fused_scores(branches: Sequence[np.ndarray], query: Sequence[np.ndarray], alpha: float) -> np.ndarray:
    """`fuse(branches) @ fuse(query)` for branches (N, D) and a query (D,), without a fused copy of the index."""
    target = fuse(query, alpha)
    across = np.einsum("nd,nd->n", branches[0], branches[1])
    norm = np.sqrt(np.maximum(alpha**2 + (1 - alpha) ** 2 + 2 * alpha * (1 - alpha) * across, 1e-24))
    return (alpha * (branches[0] @ target) + (1 - alpha) * (branches[1] @ target)) / norm
