"""Images and sentences in, unit vectors out: the object an application holds."""

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from peft import PeftModel
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from core.device import autocast, device
from core.errors import InputError
from core.tclip.builders import ADAPTERS, CONTEXT_LENGTH
from core.tclip.model import (
    Preprocess,
    active,
    add_adapters,
    build_clip,
    clip_of,
    load_adapter_state,
    load_own_state,
    resize,
)
from core.thermal import ThermalImage
from core.weights import base_model, load, resolve

BATCH = 32  # images or sentences in one pass
TEXT_CACHE = 4096  # sentences whose vectors are kept


class ThermalCLIP:
    """Thermal CLIP with the adapters "global" and "fine"; thread-safe. `adapter=None` means the best on validation."""

    def __init__(self, model: PeftModel, tokenizer: PreTrainedTokenizerBase, config: dict[str, Any]) -> None:
        self.model = model.to(device()).to(memory_format=torch.channels_last).eval()
        self.tokenizer = tokenizer
        self.config = config
        self.size: int = config["vision_cfg"]["image_size"]
        self.preprocess = Preprocess(**config["preprocess_cfg"]).to(device())
        self.lock = threading.Lock()  # adapters are switched in place
        self._texts: OrderedDict[tuple[str, str], np.ndarray] = OrderedDict()

    @classmethod
    def from_weights(cls, name: str = "bundled/tclip") -> "ThermalCLIP":
        """Load `bundled/tclip`, a folder that core.tclip.train wrote, or such a folder on the Hub.

        Raises:
            InputError: no such weights, or not of this architecture.
        """
        folder = resolve(name)
        if not (folder / "config.json").is_file():
            raise InputError(f"{name} has no config.json; give a folder that core.tclip.train wrote.")
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            text_base = base_model(config["text_cfg"]["hf_model_name"])
            clip = build_clip(config, text_base)
            load_own_state(clip, load(folder / "model.safetensors"))
            model = add_adapters(clip, config["lora"])
            for adapter in ADAPTERS:
                load_adapter_state(model, adapter, load(folder / f"adapter_{adapter}.safetensors"))
        except (RuntimeError, KeyError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{name} does not hold weights of a thermal CLIP; train it again.") from error
        return cls(model, AutoTokenizer.from_pretrained(text_base), config)

    @torch.inference_mode()
    def features(self, images: Sequence[ThermalImage]) -> Tensor:
        """The expensive part, the same for every adapter: (N, C) pooled features of the vision tower's trunk."""
        trunk = clip_of(self.model).visual.trunk
        parts = []
        for start in range(0, len(images), BATCH):
            grey = torch.stack([resize(image, self.size) for image in images[start : start + BATCH]])
            with self.lock, autocast():
                parts.append(trunk(self.preprocess(grey.to(device()))))
        return torch.cat(parts)

    @torch.inference_mode()
    def project(self, features: Tensor, adapter: str | None = None) -> np.ndarray:
        """The cheap part: pooled features (N, C) -> unit rows (N, D), float32."""
        with self.lock, active(self.model, self._adapter(adapter)) as clip, autocast():
            return F.normalize(clip.visual.head(features).float(), dim=-1).cpu().numpy()

    def encode_images(self, images: Sequence[ThermalImage], adapter: str | None = None) -> np.ndarray:
        """Unit rows (N, D), float32.

        Args:
            adapter: "none", "global", "fine", or None for the best on validation.
        """
        if not len(images):
            return np.zeros((0, self.config["embed_dim"]), np.float32)
        return self.project(self.features(images), adapter)

    @torch.inference_mode()
    def encode_texts(self, texts: Sequence[str], adapter: str | None = None) -> np.ndarray:
        """Unit rows (N, D), float32; equal sentences are computed once and remembered.

        Args:
            adapter: "none", "global", "fine", or None for the best on validation.
        """
        adapter = self._adapter(adapter)
        found: dict[str, np.ndarray] = {}
        with self.lock:
            for text in texts:
                if (adapter, text) in self._texts:
                    self._texts.move_to_end((adapter, text))
                    found[text] = self._texts[adapter, text]
            new = sorted({*texts} - {*found}, key=lambda text: (len(text), text))  # like lengths together: less padding
            for start in range(0, len(new), BATCH):
                part = new[start : start + BATCH]
                found |= dict(zip(part, self._encode(part, adapter), strict=True))
            self._texts |= {(adapter, text): found[text] for text in new}
            while len(self._texts) > TEXT_CACHE:
                self._texts.popitem(last=False)
        return np.array([found[text] for text in texts], np.float32).reshape(len(texts), self.config["embed_dim"])

    def _encode(self, texts: list[str], adapter: str) -> np.ndarray:
        tokens = self.tokenizer(
            texts, padding=True, truncation=True, max_length=CONTEXT_LENGTH, return_tensors="pt"
        ).input_ids.to(device())
        with active(self.model, adapter) as clip, autocast():
            return F.normalize(clip.encode_text(tokens).float(), dim=-1).cpu().numpy()

    def _adapter(self, name: str | None) -> str:
        name = name or self.config["adapter"]
        if name not in ("none", *ADAPTERS):
            raise InputError(f"There is no adapter '{name}'; use none, {' or '.join(ADAPTERS)}.")
        return name
