"""Near-duplicates: 64-bit perceptual hashes (pHash) and the pairs of them that lie few bits apart."""

from pathlib import Path

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

SIDE = 32  # pixels; 4 x the hash's 8
DISTANCE = 6  # bits; docs/LOG.md says how it was chosen


def fingerprint(view: Image.Image) -> int:
    """The pHash of a grey image: signs of the 8 x 8 lowest cosine coefficients around their median."""
    small = view.resize((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=3.0)  # as phash does, but faster
    return int(str(imagehash.phash(small)), 16)


def near_pairs(hashes: np.ndarray, distance: int = DISTANCE) -> tuple[np.ndarray, np.ndarray]:
    """Indices (i, j), i < j, of all different hashes (uint64, each once) at most `distance` bits apart.

    Two such hashes agree in at least one of distance + 1 bands of bits, so only those that do are compared.
    """
    found, bands = [], np.array_split(np.arange(64, dtype=np.uint64), distance + 1)
    for band in bands:
        mask = np.bitwise_or.reduce(np.uint64(1) << band)
        order = np.argsort(hashes & mask, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff((hashes & mask)[order]) != 0])
        for bucket in np.split(order, starts[1:]):
            near = np.bitwise_count(hashes[bucket, None] ^ hashes[bucket]) <= distance  # (B, B)
            first, second = np.nonzero(np.triu(near, 1))
            found.append(np.sort(np.stack([bucket[first], bucket[second]], 1), 1))
    pairs = np.unique(np.concatenate(found), axis=0) if found else np.zeros((0, 2), np.int64)
    return pairs[:, 0], pairs[:, 1]


def linked(number: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """A label for each of `number` nodes, equal where links (first, second) connect them."""
    return connected_components(coo_matrix((np.ones(len(first), bool), (first, second)), (number, number)), False)[1]


def look_alikes(images: list[Path]) -> list[str]:
    """A group name an image: the first image's stem of each cluster linked by near-duplicates."""
    hashes = []
    for image in images:
        with Image.open(image) as opened:
            hashes.append(fingerprint(opened.convert("L")))
    unique, place = np.unique(np.array(hashes, np.uint64), return_inverse=True)
    label = linked(len(unique), *near_pairs(unique))[place]
    first: dict[int, str] = {}
    return [first.setdefault(int(own), image.stem) for own, image in zip(label, images, strict=True)]
