"""The stage before the paper's two: image tokens are taught to stand for the words of what their cells show.

No language model runs: each projected token is compared with the word embeddings of the language model, so an
image is a sequence the frozen language model can half read before the captions begin.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import PreTrainedTokenizerBase

from core.data.objects import objects
from core.data.questions import scene_label
from core.data.records import Record

GROUNDS = {  # scene label -> the words of a cell without an object
    "ground seen from a drone by day": "ground day",
    "ground seen from a drone by night": "ground night",
    "road traffic seen from a car": "road",
    "open ground with wildlife": "grass",
    "open water": "water",
    "open sky": "sky",
    "buildings against the sky": "building sky",
    "built-up area filling the view": "building",
}
CATEGORIES = ("person", "car", "bicycle", "other vehicle", "dog", "cheetah", "airplane", "bird", "drone", "helicopter",
              "small target")  # fmt: skip
WORDS = (*sorted(set(GROUNDS.values())), *CATEGORIES)
UNKNOWN = -1


def word_embeddings(tokenizer: PreTrainedTokenizerBase, table: Tensor) -> Tensor:
    """(len(WORDS), D): the mean embedding of each entry's tokens, as they occur inside a sentence."""
    return torch.stack([table[tokenizer(f" {word}", add_special_tokens=False).input_ids].mean(0) for word in WORDS])


def cell_words(record: Record, grid: int) -> Tensor:
    """(grid, grid) indices into WORDS: the object whose box covers a cell (the smallest wins), else the ground."""
    scene = scene_label(record) or ("open sky" if record.source == "drone_ir" else None)
    cells = torch.full((grid, grid), WORDS.index(GROUNDS[scene]) if scene else UNKNOWN)
    boxes = [box for box in objects(record) if box.category in CATEGORIES]
    for box in sorted(boxes, key=lambda b: (b.xyxy[2] - b.xyxy[0]) * (b.xyxy[3] - b.xyxy[1]), reverse=True):
        x1, y1, x2, y2 = (v * grid / n for v, n in zip(box.xyxy, (record.width, record.height) * 2, strict=True))
        left, top = min(grid - 1, round(x1)), min(grid - 1, round(y1))  # cells that a box covers by half
        if x2 - x1 < 1:
            left = min(grid - 1, int((x1 + x2) / 2))
        if y2 - y1 < 1:
            top = min(grid - 1, int((y1 + y2) / 2))
        cells[top : max(top + 1, round(y2)), left : max(left + 1, round(x2))] = WORDS.index(box.category)
    return cells


def word_weights(cells: Sequence[Tensor]) -> Tensor:
    """(len(WORDS),): inverse square root of how often a word occurs, mean 1 over the cells; 0 where it never does."""
    counts = torch.stack([torch.bincount(c[c >= 0].flatten(), minlength=len(WORDS)) for c in cells]).sum(0).float()
    weights = torch.where(counts > 0, counts.clamp(min=1).rsqrt(), 0.0)
    return weights * counts.sum() / (weights * counts).sum()


def word_logits(tokens: Tensor, embeddings: Tensor) -> Tensor:
    """(..., D) tokens, (W, D) embeddings -> (..., W): cosines about the embeddings' mean, over a temperature of 0.1."""
    mean = embeddings.mean(0)
    return F.normalize(tokens - mean, dim=-1) @ F.normalize(embeddings - mean, dim=-1).T / 0.1


def word_loss(tokens: Tensor, cells: Tensor, embeddings: Tensor, weights: Tensor) -> Tensor:
    """Which word (cross-entropy), and how far from its embedding (squared error in units of the embeddings' variance).

    tokens: (B, N, D); cells: (B, N) with UNKNOWN skipped.
    """
    known = cells >= 0
    tokens, cells = tokens[known].float(), cells[known]
    w = weights[cells]
    entropy = F.cross_entropy(word_logits(tokens, embeddings), cells, reduction="none")
    distance = (tokens - embeddings[cells]).square().mean(-1) / embeddings.var()
    return ((entropy + 0.3 * distance) * w).sum() / w.sum()
