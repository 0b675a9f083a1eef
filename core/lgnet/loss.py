"""Training loss of LGNet."""

import torch
import torch.nn.functional as F
from torch import Tensor


def soft_iou_loss(logits: Tensor, truth: Tensor) -> Tensor:
    """1 - soft IoU over the whole batch (ACM's loss, arXiv 2009.14530); (B, 1, H, W) each, scalar in [0, 1]."""
    probability = torch.sigmoid(logits)
    intersection = (probability * truth).sum()
    return 1 - (intersection + 1) / (probability.sum() + truth.sum() - intersection + 1)


def lgnet_loss(fused: Tensor, sides: list[Tensor], truth: Tensor) -> Tensor:
    """BCE at the fused and every side output (Eq. 4) plus soft IoU of the fused one.

    Paper says BCE only; we add soft IoU because at our short schedule BCE alone still calls everything
    background: targets are 1 pixel in 3,000.

    Args:
        fused: (B, 1, H, W) logits.
        sides: six of (B, 1, H, W) logits.
        truth: (B, 1, H, W) in [0, 1].
    """
    bce = sum(F.binary_cross_entropy_with_logits(x.float(), truth) for x in [fused, *sides])
    return bce + soft_iou_loss(fused.float(), truth)
