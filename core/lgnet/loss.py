"""Training loss of LGNet."""

import torch
import torch.nn.functional as F
from torch import Tensor

BCE_WEIGHT = 100.0  # BCE is a mean over pixels that hardly ever hold a target


def soft_iou_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """1 - soft IoU over the whole batch (ACM's loss, arXiv 2009.14530); (B, 1, H, W) each, scalar in [0, 1]."""
    probability = torch.sigmoid(logits)
    intersection = (probability * truth).sum()
    return 1 - (intersection + 1) / (probability.sum() + truth.sum() - intersection + 1)


def lgnet_loss(fused: Tensor, sides: list[Tensor], truth: Tensor) -> Tensor:
    """Weighted BCE and soft IoU at the fused and at every side output.

    Paper says plain BCE at every output (Eq. 4); we weigh it and add soft IoU, because targets are 1 pixel in 3,000:
    at our short schedule BCE alone calls everything background, and soft IoU alone hardly moves a missed target.
    docs/LOG.md has the comparison.

    Args:
        fused: (B, 1, H, W) logits.
        sides: six of (B, 1, H, W) logits; none for a network without side outputs.
        truth: (B, 1, H, W) in [0, 1].
    """
    maps = [x.float() for x in (fused, *sides)]
    bce = torch.stack([F.binary_cross_entropy_with_logits(x, truth) for x in maps])
    overlap = torch.stack([soft_iou_loss(x, truth) for x in maps])
    return BCE_WEIGHT * bce.mean() + overlap[0] + overlap[1:].sum() / max(1, len(sides))
