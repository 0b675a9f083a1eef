"""Contrastive loss of image-text training."""

import torch
import torch.nn.functional as F
from torch import Tensor


def info_nce(image: Tensor, text: Tensor, scale: Tensor, caption_ids: Tensor) -> Tensor:
    """Symmetric InfoNCE (Radford et al. 2021) that does not push apart pairs which share their caption.

    Args:
        image, text: (B, D) unit rows; row i of both belongs together.
        scale: scalar factor on the cosines (1 / temperature).
        caption_ids: (B,) integers, equal where the captions are equal; such pairs are false negatives and left out.

    Returns:
        Scalar: mean of image-to-text and text-to-image cross-entropy.
    """
    logits = scale * image @ text.T
    same = caption_ids[:, None] == caption_ids[None, :]
    same.fill_diagonal_(False)
    logits = logits.masked_fill(same, -torch.inf)
    target = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
