"""A plain U-Net of ACM's size (0.5 M parameters): the baseline that shares LGNet's recipe. Ignores descriptors."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from core.lgnet.model import ConvBNReLU, halve, resize_like


def double(in_channels: int, out_channels: int) -> nn.Sequential:
    """Two 3 x 3 convolutions; (B, in, H, W) -> (B, out, H, W)."""
    return nn.Sequential(ConvBNReLU(in_channels, out_channels), ConvBNReLU(out_channels, out_channels))


class UNet(nn.Module):
    """U-Net (arXiv 1505.04597) with batch norm, bilinear upsampling and no side outputs."""

    def __init__(self, widths: list[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(double(a, b) for a, b in zip([1, *widths], widths, strict=False))
        self.up = nn.ModuleList(double(a + b, a) for a, b in pairwise(widths))
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, image: Tensor, descriptor: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Logits (B, 1, H, W) of grey (B, 1, H, W) in [0, 1], and no side maps."""
        x, skips = image, []
        for i, block in enumerate(self.down):
            x = block(x if i == 0 else halve(x))
            skips.append(x)
        for block, skip in zip(reversed(self.up), reversed(skips[:-1]), strict=True):
            x = block(torch.cat([resize_like(x, skip), skip], dim=1))
        return self.head(x), []
