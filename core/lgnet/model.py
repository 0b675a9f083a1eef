"""LGNet (arXiv 2507.13113): a nested U-Net for small infrared targets, guided by a target descriptor.

Tensors in, tensors out; knows nothing of files, thresholds or devices.
B batch, C channels, H x W pixels, D width of the target descriptor (512).
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ConvBNReLU(nn.Sequential):
    """3 x 3 convolution without bias, batch norm, ReLU; (B, in, H, W) -> (B, out, H, W)."""

    def __init__(self, in_channels: int, out_channels: int, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(in_channels, out_channels, 3, padding=dilation, dilation=dilation, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        )


def resize_like(x: Tensor, reference: Tensor) -> Tensor:
    """Bilinear resize of x to the height and width of reference."""
    if x.shape[-2:] == reference.shape[-2:]:
        return x
    return F.interpolate(x, size=reference.shape[-2:], mode="bilinear", align_corners=False)


def halve(x: Tensor) -> Tensor:
    """Max pooling by 2 that keeps the last odd row and column."""
    return F.max_pool2d(x, 2, stride=2, ceil_mode=True)


class ResidualUBlock(nn.Module):
    """RSU of U2-Net (arXiv 2005.09007): a small U-Net of `height` levels with a residual around it.

    With `dilated`, the levels keep their resolution and dilate by 1, 2, 4, 8 instead (RSU-4F).
    Shapes: (B, in, H, W) -> (B, out, H, W).
    """

    def __init__(self, height: int, in_channels: int, mid: int, out_channels: int, dilated: bool = False) -> None:
        super().__init__()
        self.dilated = dilated
        rate = [2**i for i in range(height)] if dilated else [1] * (height - 1) + [2]
        self.stem = ConvBNReLU(in_channels, out_channels)
        widths = [out_channels] + [mid] * (height - 1)
        self.down = nn.ModuleList(ConvBNReLU(w, mid, r) for w, r in zip(widths, rate, strict=True))
        outs = [out_channels] + [mid] * (height - 2)
        self.up = nn.ModuleList(ConvBNReLU(2 * mid, w, r) for w, r in zip(outs, rate, strict=False))

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        levels, x = [], stem
        last = len(self.down) - 1
        for i, block in enumerate(self.down):
            # the bottom level shares the resolution of the one above it, as in U2-Net
            x = block(halve(x) if not self.dilated and 0 < i < last else x)
            levels.append(x)
        for i in range(last - 1, -1, -1):
            x = self.up[i](torch.cat([resize_like(x, levels[i]), levels[i]], dim=1))
        return x + stem


class ResidualBlock(nn.Module):
    """Two 3 x 3 convolutions with a residual around the second: what stands for a residual U-block in LGNet-lite.

    Shapes: (B, in, H, W) -> (B, out, H, W).
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.stem = ConvBNReLU(in_channels, out_channels)
        self.body = ConvBNReLU(out_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        stem = self.stem(x)
        return self.body(stem) + stem


class ChannelGate(nn.Module):
    """Channel weights of Fig. 4: GAP, depth-wise convolution, batch norm, sigmoid; (B, C, H, W) -> (B, C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.norm(self.conv(x.mean(dim=(2, 3), keepdim=True))))


class LanguageGate(nn.Module):
    """Channel weights guided by the target descriptor (Eq. 1-3).

    v1 = GAP(x) and v2 = MLP(TD) are stacked alternately, (B, 2C, 1, 1), so that a group-wise convolution
    pairs image and language channel by channel.
    Paper says "group size 2"; we read it as two channels a group (C groups), because Fig. 5 pairs v1[i] with v2[i].
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2 * channels, channels, 1, groups=channels, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor, v2: Tensor) -> Tensor:
        v1 = x.mean(dim=(2, 3))  # (B, C)
        stacked = torch.stack([v1, v2], dim=2).flatten(1)  # (B, 2C): v1[0], v2[0], v1[1], v2[1], ...
        return torch.sigmoid(self.norm(self.conv(stacked[:, :, None, None])))  # (B, C, 1, 1)


class PlainFusion(nn.Module):
    """Sum of encoder and decoder maps, then 3 x 3 to twice the channels: a fusion block without its weights.

    The baseline row of the ablation (Table 6). Shapes: 2 x (B, C, H, W) -> (B, 2C, H, W); a descriptor is ignored.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.widen = ConvBNReLU(channels, 2 * channels)

    def forward(self, encoder: Tensor, decoder: Tensor, descriptor: Tensor | None = None) -> Tensor:
        return self.widen(encoder + resize_like(decoder, encoder))


class FusionBlock(nn.Module):
    """Weighted sum of encoder and decoder maps, then 3 x 3 to twice the channels (3.3.2).

    Paper says nothing of the widening; we end in a 3 x 3 convolution C -> 2C because only then do the
    published parameters (4.0 M) and decoder widths come out.
    Shapes: 2 x (B, C, H, W) -> (B, 2C, H, W); a descriptor is ignored.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.encoder_gate = ChannelGate(channels)
        self.decoder_gate = ChannelGate(channels)
        self.widen = ConvBNReLU(channels, 2 * channels)

    def forward(self, encoder: Tensor, decoder: Tensor, descriptor: Tensor | None = None) -> Tensor:
        decoder = resize_like(decoder, encoder)
        return self.widen(self.encoder_gate(encoder) * encoder + self.decoder_gate(decoder) * decoder)


class LanguageFusionBlock(nn.Module):
    """Fusion of the last encoder and the first decoder (E5, D6) under the target descriptor (3.3.1)."""

    def __init__(self, channels: int, descriptor_dim: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(
            nn.Linear(descriptor_dim, channels), nn.ReLU(inplace=True), nn.Linear(channels, channels)
        )
        self.encoder_gate = LanguageGate(channels)
        self.decoder_gate = LanguageGate(channels)
        self.widen = ConvBNReLU(channels, 2 * channels)

    def forward(self, encoder: Tensor, decoder: Tensor, descriptor: Tensor) -> Tensor:
        v2 = self.mlp(descriptor)  # (B, D) -> (B, C)
        decoder = resize_like(decoder, encoder)
        return self.widen(self.encoder_gate(encoder, v2) * encoder + self.decoder_gate(decoder, v2) * decoder)


class OutputBlock(nn.Module):
    """Side heads of D1..D6, a scaling map from the shallow ones over the deep ones, and their fusion (3.3.3).

    `channels` are the widths of D1..D6. Returns (fused, sides): logits (B, 1, H, W) and a list of six such maps.
    Paper says "each" map is multiplied by the scaling weights; we scale the deep maps (D4-D6) only, because the
    weights come from the shallow maps and 3.3.3 says so just after introducing the deep ones.
    """

    def __init__(self, channels: list[int]) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Conv2d(c, 1, 1) for c in channels)
        self.scale = nn.Conv2d(3, 1, 1)
        self.fuse = nn.Conv2d(len(channels), 1, 1)

    def forward(self, decoders: list[Tensor], size: tuple[int, int]) -> tuple[Tensor, list[Tensor]]:
        sides = [
            F.interpolate(head(d), size=size, mode="bilinear", align_corners=False)
            for head, d in zip(self.heads, decoders, strict=True)
        ]
        scale = torch.sigmoid(self.scale(torch.cat(sides[:3], dim=1)))  # (B, 1, H, W)
        fused = self.fuse(torch.cat(sides[:3] + [scale * s for s in sides[3:]], dim=1))
        return fused, sides


class LGNet(nn.Module):
    """Language Guided Network: image and target descriptor in, target logits out.

    Args of the constructor are built parts; `core.lgnet.builders` holds the paper's numbers. `fusions` and
    `language_fusion` (at E5 and D6) are fusion blocks of any of the three kinds.
    """

    pixel_mean: Tensor
    pixel_std: Tensor

    def __init__(
        self,
        encoders: nn.ModuleList,
        decoders: nn.ModuleList,
        fusions: nn.ModuleList,
        language_fusion: nn.Module,
        output: OutputBlock,
        descriptor_dim: int,
    ) -> None:
        super().__init__()
        self.encoders, self.decoders, self.fusions = encoders, decoders, fusions  # E1..E5,D6 | D5..D1 | at D4..D1
        self.language_fusion, self.output = language_fusion, output
        self.descriptor_dim = descriptor_dim
        # grey mean and deviation of the SIRST training images, on a scale of 0 to 1
        self.register_buffer("pixel_mean", torch.tensor(0.3562), persistent=False)
        self.register_buffer("pixel_std", torch.tensor(0.2615), persistent=False)

    def forward(self, image: Tensor, descriptor: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Logits of the fused map and of the six side maps.

        Args:
            image: (B, 1, H, W) grey in [0, 1].
            descriptor: (B, D) target descriptor, or None for "nothing is known" (zeros).
        Returns:
            fused logits (B, 1, H, W); side logits, six of (B, 1, H, W) in the order D1..D6.
        """
        if descriptor is None:
            descriptor = image.new_zeros(image.shape[0], self.descriptor_dim)
        # the published backbone has three input channels: grey is repeated
        x = ((image - self.pixel_mean) / self.pixel_std).expand(-1, 3, -1, -1)
        maps = []
        for i, encoder in enumerate(self.encoders):
            x = encoder(x if i == 0 else halve(x))
            maps.append(x)
        *skips, bottom = maps  # E1..E5 and D6
        decoded = [bottom]
        x = self.decoders[0](self.language_fusion(skips[4], bottom, descriptor))
        decoded.append(x)
        for decoder, fusion, skip in zip(self.decoders[1:], self.fusions, reversed(skips[:4]), strict=True):
            x = decoder(fusion(skip, x))
            decoded.append(x)
        return self.output(decoded[::-1], image.shape[-2:])
