"""One image through the network, in tiles where it is large."""

import numpy as np
import torch
from torch import Tensor, nn

from core.device import autocast

TILE = 768  # side in pixels up to which an image goes through whole; 1 GB of activations
MARGIN = 64  # pixels of context around each tile, thrown away after


@torch.inference_mode()
def probability_map(model: nn.Module, pixels: np.ndarray, descriptor: np.ndarray | None = None) -> np.ndarray:
    """Target probability of every pixel: float32 (H, W) in [0, 1] for grey (H, W) in [0, 1].

    Memory does not grow with the image beyond the two maps themselves.
    """
    model.eval()
    where = next(model.parameters()).device
    td = None if descriptor is None else torch.from_numpy(descriptor)[None].to(where)

    def forward(part: np.ndarray) -> np.ndarray:
        image: Tensor = torch.from_numpy(np.ascontiguousarray(part))[None, None].to(where)
        with autocast():
            fused, _ = model(image, td)
        return torch.sigmoid(fused.float())[0, 0].cpu().numpy()

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
