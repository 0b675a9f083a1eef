"""A thermal CLIP of toy size: the real classes, random weights, milliseconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel, BertTokenizer

from core.tclip.builders import lora
from core.tclip.model import add_adapters, build_clip
from core.tclip.predictor import ThermalCLIP
from core.thermal import ThermalImage, from_array

WORDS = ("a", "an", "image", "of", "one", "two", "car", "cars", "person", "at", "left", "right", "night", "dark", "sky")


@pytest.fixture(scope="session")
def text_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as of a sentence encoder: two-layer BERT and its tokenizer."""
    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    config = BertConfig(vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=64, max_position_embeddings=80)  # fmt: skip
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def config() -> dict[str, Any]:
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": 64, "timm_model_name": "test_efficientnet", "timm_proj": "linear"},
        "text_cfg": {"hf_model_name": "all-minilm-l6-v2", "hf_proj_type": "linear"},
        "preprocess_cfg": {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]},
        "lora": lora(),
        "adapter": "none",
    }


@pytest.fixture
def build(text_base: Path, config: dict[str, Any]) -> Callable[[], ThermalCLIP]:
    """Makes a toy ThermalCLIP with fresh adapters."""

    def make() -> ThermalCLIP:
        torch.manual_seed(1)
        model = add_adapters(build_clip(config, text_base))
        return ThermalCLIP(model, AutoTokenizer.from_pretrained(text_base), config)

    return make


@pytest.fixture
def toy(build: Callable[[], ThermalCLIP]) -> ThermalCLIP:
    """A toy ThermalCLIP whose two adapters do something, each something else."""
    model = build()
    torch.manual_seed(2)
    with torch.no_grad():
        for name, parameter in model.model.named_parameters():
            if "lora_B" in name:
                parameter.copy_(torch.randn_like(parameter))
    return model


@pytest.fixture
def images() -> list[ThermalImage]:
    """Seven images of different sizes."""
    rng = np.random.default_rng(0)
    sizes = [(64, 64), (48, 80), (100, 40), (64, 64), (33, 65), (1, 1), (128, 128)]
    return [from_array(rng.integers(0, 256, size), name=f"{i}.png") for i, size in enumerate(sizes)]
