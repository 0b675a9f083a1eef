"""The numbers: our own small thermal CLIP as an open_clip configuration, and the paper's adapters.

T-CLIP (arXiv 2606.00673) puts its adapters on CLIP ViT-B/16; where no Hub is reachable this model of ours stands in.
"""

from typing import Any

MODEL_NAME = "thermal-clip-lite0"
EMBED_DIM = 512
IMAGE_SIZE = 256
TEXT_BASE = "all-minilm-l6-v2"  # a name that core.weights.base_model knows
VISION_BASE = "efficientnet-lite0"
CONTEXT_LENGTH = 77  # tokens, as CLIP
FUSION_ALPHA = 0.8  # Paper's best of its sweep on KAIST
ADAPTERS = ("global", "fine")


def thermal_clip_lite0() -> dict[str, Any]:
    """EfficientNet-Lite0 at 256 x 256, MiniLM-L6 with mean pooling, a linear projection on each; 512-d embeddings."""
    return {
        "embed_dim": EMBED_DIM,
        "vision_cfg": {
            "image_size": IMAGE_SIZE,
            "timm_model_name": "tf_efficientnet_lite0",
            "timm_pool": "avg",
            "timm_proj": "linear",
        },
        "text_cfg": {
            "hf_model_name": TEXT_BASE,
            "context_length": CONTEXT_LENGTH,
            "hf_pooler_type": "mean_pooler",
            "hf_proj_type": "linear",
        },
        # ImageNet statistics of the vision base: the grey channel is repeated three times
        "preprocess_cfg": {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
    }


def lora() -> dict[str, Any]:
    """The paper's adapter: rank 8, alpha 1, no dropout, on query, key and value of both towers.

    Paper says q, k, v of both towers; our vision tower is convolutional and has none, so there the projection takes
    the adapter: 110,592 + 14,336 weights an adapter, and both branches share one pass of the vision trunk.
    """
    return {
        "r": 8,
        "lora_alpha": 1,
        "lora_dropout": 0.0,
        "target_modules": r"text\.transformer\..*\.(query|key|value)|visual\.head\.proj",
    }
