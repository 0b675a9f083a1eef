"""Training-time changes that keep captions true: small shifts and zooms, small changes of gain and offset.

No flips (captions say left and right) and no inversion (they say brighter and darker).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

ZOOM, SHIFT = 0.08, 0.05  # of the side
GAMMA, GAIN, OFFSET, NOISE = 0.1, 0.1, 0.04, 0.01


def augment(grey: Tensor, generator: torch.Generator) -> Tensor:
    """Float (B, 1, S, S) in [0, 1] -> the same, each image changed at random."""
    count = len(grey)

    def spread(width: float, *shape: int) -> Tensor:
        return (torch.rand(count, *shape, generator=generator) * 2 - 1) * width

    affine = torch.zeros(count, 2, 3)
    affine[:, 0, 0] = affine[:, 1, 1] = 1 + spread(ZOOM)
    affine[:, :, 2] = 2 * spread(SHIFT, 2)  # the grid spans -1 to 1
    grid = F.affine_grid(affine, list(grey.shape), align_corners=False)
    grey = F.grid_sample(grey, grid, padding_mode="reflection", align_corners=False)
    grey = grey.clamp(0, 1) ** (1 + spread(GAMMA, 1, 1, 1))
    grey = grey * (1 + spread(GAIN, 1, 1, 1)) + spread(OFFSET, 1, 1, 1)
    return (grey + NOISE * torch.randn(grey.shape, generator=generator)).clamp(0, 1)
