"""The InternVL-class architecture: convolutional tower for thermal images, pixel shuffle, projector, language model.

Everything but the tower is transformers' InternVL. `AutoModelForImageTextToText` knows the class once this is imported.
"""

from typing import Any

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, AutoModelForImageTextToText, PreTrainedConfig, PreTrainedModel
from transformers.configuration_utils import SubConfigSpec
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.internvl import InternVLConfig, InternVLForConditionalGeneration


class ThermalTowerConfig(PreTrainedConfig):
    """`backbone`: a timm EfficientNet; `hidden_size`: 4 C16 + C32 (channels at strides 16, 32); `image_size`: px."""

    model_type = "thermal-tower"

    backbone: str = "tf_efficientnet_lite0"
    image_size: int = 448
    hidden_size: int = 768


class ThermalTower(PreTrainedModel):
    """Features of a timm EfficientNet at strides 16 and 32 as one sequence of tokens, one a stride-32 cell."""

    config: ThermalTowerConfig
    main_input_name = "pixel_values"
    input_modalities = ("image",)

    def __init__(self, config: ThermalTowerConfig):
        super().__init__(config)
        self.backbone = timm.create_model(config.backbone, features_only=True, out_indices=(2, 3, 4))
        _, fine, coarse = self.backbone.feature_info.channels()
        if 4 * fine + coarse != config.hidden_size:
            raise ValueError(
                f"{config.backbone} gives {4 * fine + coarse} channels, hidden_size is {config.hidden_size}"
            )
        # names like "blocks.2": the last block at strides 8, 16 and 32
        self.last = [int(name.split(".")[1]) for name in self.backbone.feature_info.module_name()]
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """timm has initialised the backbone already."""

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutputWithPooling:
        """(B, 3, S, S) normalised -> last_hidden_state (B, (S/32)^2, hidden_size), row by row."""
        return BaseModelOutputWithPooling(last_hidden_state=self.upper(self.lower(pixel_values)))

    def lower(self, pixel_values: Tensor) -> Tensor:
        """(B, 3, S, S) -> (B, C8, S/8, S/8): most of the time, a tenth of the weights, never trained (so cacheable)."""
        x = self.backbone.bn1(self.backbone.conv_stem(pixel_values.contiguous(memory_format=torch.channels_last)))
        for block in self.backbone.blocks[: self.last[0] + 1]:
            x = block(x)
        return x

    def upper(self, x: Tensor) -> Tensor:
        """(B, C8, S/8, S/8) -> (B, (S/32)^2, hidden_size)."""
        for block in self.backbone.blocks[self.last[0] + 1 : self.last[1] + 1]:
            x = block(x)
        fine = F.pixel_unshuffle(x, 2)  # B, 4 C16, S/32, S/32
        for block in self.backbone.blocks[self.last[1] + 1 : self.last[2] + 1]:
            x = block(x)
        return torch.cat([fine, x], dim=1).flatten(2).transpose(1, 2).contiguous()  # InternVL views it


class ThermalInternVLConfig(InternVLConfig):
    """InternVL's configuration with any registered vision tower (the original admits only InternVL's own ViT)."""

    model_type = "thermal-internvl"
    sub_configs_defaults = {  # noqa: RUF012 (the base class declares it so)
        "text_config": SubConfigSpec(config_class=AutoConfig, model_type="llama"),
        "vision_config": SubConfigSpec(config_class=AutoConfig, model_type="thermal-tower"),
    }


class ThermalInternVL(InternVLForConditionalGeneration):
    """transformers' InternVLForConditionalGeneration, built from a ThermalInternVLConfig."""

    config: ThermalInternVLConfig


AutoConfig.register("thermal-tower", ThermalTowerConfig)
AutoModel.register(ThermalTowerConfig, ThermalTower)
AutoConfig.register("thermal-internvl", ThermalInternVLConfig)
AutoModelForImageTextToText.register(ThermalInternVLConfig, ThermalInternVL)
