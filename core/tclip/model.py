"""The thermal CLIP: an open_clip model of ours, its preprocessing, and the two adapters on top of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.model import CustomTextCLIP
from peft import LoraConfig, PeftModel, get_peft_model
from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn

from core.tclip.builders import ADAPTERS, lora
from core.thermal import ThermalImage
from core.weights import load


def build_clip(config: dict[str, Any], text_base: Path) -> CustomTextCLIP:
    """An open_clip model from its configuration; the text transformer is loaded from the folder `text_base`.

    This is what `open_clip.create_model` does for a registered name; built directly because the folder of the text
    base is known only at run time. Vision tower and projections start from random values.

    Raises:
        InputError: the folder holds no safetensors file. RuntimeError: its tensors do not fit.
    """
    text_cfg = config["text_cfg"] | {"hf_model_name": str(text_base), "hf_model_pretrained": False}
    clip = CustomTextCLIP(config["embed_dim"], config["vision_cfg"], text_cfg)
    missing, _ = clip.text.transformer.load_state_dict(load(text_base / "model.safetensors"), strict=False)
    if missing:
        raise RuntimeError(f"{text_base.name} lacks {missing[:3]}")
    return clip


def own_state(clip: CustomTextCLIP) -> dict[str, Tensor]:
    """Every tensor but the frozen text transformer's, which stays with its own base model."""
    return {k: v for k, v in clip.state_dict().items() if not k.startswith("text.transformer.")}


def load_own_state(clip: CustomTextCLIP, state: dict[str, Tensor]) -> None:
    """Counterpart of `own_state`; raises RuntimeError when keys or shapes differ."""
    missing, unexpected = clip.load_state_dict(state, strict=False)
    missing = [k for k in missing if not k.startswith("text.transformer.")]
    if missing or unexpected:
        raise RuntimeError(f"weights do not fit: missing {missing[:3]}, unexpected {unexpected[:3]}")


def add_adapters(clip: CustomTextCLIP, settings: dict[str, Any] | None = None) -> PeftModel:
    """Freeze the model and put the two adapters of T-CLIP on it; fresh adapters change nothing (B = 0)."""
    model = get_peft_model(clip, LoraConfig(**(settings or lora())), adapter_name=ADAPTERS[0])
    for name in ADAPTERS[1:]:
        model.add_adapter(name, LoraConfig(**(settings or lora())))
    return model


def adapter_state(model: PeftModel, name: str) -> dict[str, Tensor]:
    """The tensors of one adapter."""
    return get_peft_model_state_dict(model, adapter_name=name)


def load_adapter_state(model: PeftModel, name: str, state: dict[str, Tensor]) -> None:
    """Counterpart of `adapter_state`; raises RuntimeError when keys or shapes differ."""
    if state.keys() != adapter_state(model, name).keys():
        raise RuntimeError(f"weights do not fit the adapter '{name}'")
    set_peft_model_state_dict(model, state, adapter_name=name)


def clip_of(model: PeftModel) -> CustomTextCLIP:
    """The CLIP model under the adapters."""
    return cast(CustomTextCLIP, model.get_base_model())


@contextlib.contextmanager
def active(model: PeftModel, adapter: str) -> Iterator[CustomTextCLIP]:
    """The CLIP model with one adapter switched on ("global", "fine") or none ("none"). Not thread-safe."""
    with model.disable_adapter() if adapter == "none" else contextlib.nullcontext():
        if adapter != "none":
            model.set_adapter(adapter, inference_mode=not torch.is_grad_enabled())
        yield clip_of(model)


def resize(image: ThermalImage, size: int) -> Tensor:
    """Float (1, size, size) in [0, 1]: bilinear with antialiasing, aspect ratio not kept (positions stay in words)."""
    pixels = torch.from_numpy(np.ascontiguousarray(image.unit01()))[None, None]
    return F.interpolate(pixels, (size, size), mode="bilinear", antialias=True, align_corners=False)[0]


class Preprocess(nn.Module):
    """Grey (B, 1, S, S) in [0, 1] -> what the vision tower takes: (B, 3, S, S), normalised, channels last."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: list[float], std: list[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])

    def forward(self, grey: Tensor) -> Tensor:
        colour = (grey - self.mean) / self.std  # one channel becomes three by broadcasting
        return colour.contiguous(memory_format=torch.channels_last)
