"""The only place with LGNet's sizes."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from core.lgnet.model import (
    FusionBlock,
    LanguageFusionBlock,
    LGNet,
    OutputBlock,
    PlainFusion,
    ResidualBlock,
    ResidualUBlock,
)
from core.lgnet.unet import UNet

# (height, in, mid, out, dilated): the published 4.04 M-parameter backbone, E1..E5 and D6
ENCODERS = [
    (7, 3, 16, 64, False),
    (6, 64, 16, 64, False),
    (5, 64, 32, 64, False),
    (4, 64, 32, 128, False),
    (4, 128, 32, 128, True),
    (4, 128, 64, 128, True),
]
# D5..D1
DECODERS = [
    (4, 256, 64, 128, True),
    (4, 256, 32, 64, False),
    (5, 128, 32, 64, False),
    (6, 128, 16, 64, False),
    (7, 128, 16, 64, False),
]
LITE_WIDTHS = [16, 32, 64, 128, 128, 128]  # E1..E5 and D6
TOY_ENCODERS = [(3, 3, 4, 8, False)] + [(3, 8, 4, 8, False)] * 3 + [(3, 8, 4, 8, True)] * 2
TOY_DECODERS = [(3, 16, 4, 8, True)] + [(3, 16, 4, 8, False)] * 4


def build_lgnet(descriptor_dim: int = 512) -> LGNet:
    """LGNet at the paper's size: 4.0 M parameters (Table 7)."""
    return _build(ENCODERS, DECODERS, descriptor_dim)


def build_lgnet_without_language(descriptor_dim: int = 512) -> LGNet:
    """Table 6, "+ Fusion Block": a fusion block also where the language fusion block would stand."""
    return _build(ENCODERS, DECODERS, descriptor_dim, language=False)


def build_lgnet_without_fusion(descriptor_dim: int = 512) -> LGNet:
    """Table 6, "Baseline": encoder and decoder maps are summed without weights."""
    return _build(ENCODERS, DECODERS, descriptor_dim, fusion=PlainFusion, language=False)


def build_lgnet_lite(descriptor_dim: int = 512) -> LGNet:
    """LGNet with two convolutions where the paper has residual U-blocks: a quarter of the time to train."""
    return _build_lite(descriptor_dim)


def build_lgnet_lite_without_language(descriptor_dim: int = 512) -> LGNet:
    """Table 6, "+ Fusion Block", at the lite size."""
    return _build_lite(descriptor_dim, language=False)


def build_lgnet_lite_without_fusion(descriptor_dim: int = 512) -> LGNet:
    """Table 6, "Baseline", at the lite size."""
    return _build_lite(descriptor_dim, fusion=PlainFusion, language=False)


def build_unet(descriptor_dim: int = 512) -> UNet:
    """A plain U-Net of 0.5 M parameters, between ACM-FPN and ACM-UNet (arXiv 2009.14530)."""
    return UNet([16, 32, 64, 128])


def build_lgnet_toy(descriptor_dim: int = 8) -> LGNet:
    """The same network at 20 k parameters, for tests."""
    return _build(TOY_ENCODERS, TOY_DECODERS, descriptor_dim)


# the names that config.json and the commands use
BUILDERS: dict[str, Callable[[int], nn.Module]] = {
    "lgnet": build_lgnet,
    "lgnet-without-language": build_lgnet_without_language,
    "lgnet-without-fusion": build_lgnet_without_fusion,
    "lgnet-lite": build_lgnet_lite,
    "lgnet-lite-without-language": build_lgnet_lite_without_language,
    "lgnet-lite-without-fusion": build_lgnet_lite_without_fusion,
    "unet": build_unet,
    "lgnet-toy": build_lgnet_toy,
}


def _build(encoders: list[tuple], decoders: list[tuple], descriptor_dim: int, **gates) -> LGNet:
    return _assemble(
        [ResidualUBlock(*row) for row in encoders],
        [ResidualUBlock(*row) for row in decoders],
        [row[3] for row in encoders],
        [row[3] for row in decoders],
        descriptor_dim,
        **gates,
    )


def _build_lite(descriptor_dim: int, **gates) -> LGNet:
    skips = LITE_WIDTHS[:5]
    decoded = [*skips[3::-1], skips[0]]  # D5..D1: each is as wide as the encoder map that it meets next
    return _assemble(
        [ResidualBlock(a, b) for a, b in pairwise([3, *LITE_WIDTHS])],
        [ResidualBlock(2 * a, b) for a, b in zip(skips[::-1], decoded, strict=True)],
        LITE_WIDTHS,
        decoded,
        descriptor_dim,
        **gates,
    )


def _assemble(
    encoders: Sequence[nn.Module],  # E1..E5, D6
    decoders: Sequence[nn.Module],  # D5..D1
    encoded: list[int],  # channels of the encoders' maps
    decoded: list[int],  # and of the decoders'
    descriptor_dim: int,
    fusion: type[nn.Module] = FusionBlock,
    language: bool = True,
) -> LGNet:
    *skips, bottom = encoded
    return LGNet(
        encoders=nn.ModuleList(encoders),
        decoders=nn.ModuleList(decoders),
        fusions=nn.ModuleList(fusion(c) for c in skips[3::-1]),
        language_fusion=LanguageFusionBlock(skips[4], descriptor_dim) if language else fusion(skips[4]),
        output=OutputBlock([*decoded[::-1], bottom]),
        descriptor_dim=descriptor_dim,
    )
