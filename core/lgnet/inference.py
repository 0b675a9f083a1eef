"""One image through an engine, in tiles where it is large."""

import numpy as np

from core.lgnet.engine import Engine

TILE = 768  # side in pixels up to which an image goes through whole; 1 GB of activations
MARGIN = 64  # pixels of context around each tile, thrown away after


def probability_map(engine: Engine, pixels: np.ndarray, descriptor: np.ndarray | None = None) -> np.ndarray:
    """Target probability of every pixel: float32 (H, W) in [0, 1] for grey (H, W) in [0, 1].

    Memory does not grow with the image beyond the two maps themselves.
    """
    descriptors = None if descriptor is None else descriptor[None]

    def forward(part: np.ndarray) -> np.ndarray:
        return engine(np.ascontiguousarray(part)[None], descriptors)[0]

    height, width = pixels.shape
    if max(height, width) <= TILE:
        return forward(pixels)
    result = np.empty((height, width), np.float32)
    step = TILE - 2 * MARGIN
    for top in range(0, height, step):
        for left in range(0, width, step):
            y, x = max(0, top - MARGIN), max(0, left - MARGIN)
            tile = forward(pixels[y : top + step + MARGIN, x : left + step + MARGIN])
            kept = tile[top - y : top - y + step, left - x : left - x + step]
            result[top : top + kept.shape[0], left : left + kept.shape[1]] = kept
    return result
