"""The numbers: the bundled model, a toy for tests, and the training recipe beside the paper's (arXiv 2507.14449)."""

from dataclasses import dataclass

from transformers import LlamaConfig

from core.irgpt.model import ThermalInternVLConfig, ThermalTowerConfig

IMAGE_SIZE = 448  # pixels, one tile, as in the paper's base
IMAGE_TOKENS = 49  # (448 / 32 / 2)^2; the paper's base: 256 a tile
IMAGE_TOKEN, VIDEO_TOKEN, IMAGE_START, IMAGE_END = "<IMG_CONTEXT>", "<video>", "<img>", "</img>"
# Tokens SmolLM2 keeps for code repositories, which no chat needs: renamed, so that no embedding has to be added.
RENAMED = {"<repo_name>": IMAGE_TOKEN, "<reponame>": VIDEO_TOKEN, "<file_sep>": IMAGE_START, "<filename>": IMAGE_END}
IMAGE_TOKEN_ID = 3


def bundled_config() -> ThermalInternVLConfig:
    """EfficientNet-lite0 tower at 448 x 448 (3.0 M parameters), projector (2.1 M), SmolLM2-135M."""
    return ThermalInternVLConfig(
        vision_config=ThermalTowerConfig(backbone="tf_efficientnet_lite0", image_size=IMAGE_SIZE, hidden_size=768),
        text_config=LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            intermediate_size=1536,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            head_dim=64,
            max_position_embeddings=8192,
            rope_parameters={"rope_theta": 100000.0, "rope_type": "default"},
            rms_norm_eps=1e-5,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
            tie_word_embeddings=True,
        ),
        image_token_id=IMAGE_TOKEN_ID,
        image_seq_length=IMAGE_TOKENS,
        vision_feature_select_strategy="full",  # the tower has no class token to drop
        tie_word_embeddings=True,
    )


def toy_config(vocab_size: int = 128) -> ThermalInternVLConfig:
    """The same classes at a size for tests: 128 x 128 pixels, 4 image tokens, two layers of width 32."""
    return ThermalInternVLConfig(
        vision_config=ThermalTowerConfig(backbone="test_efficientnet", image_size=128, hidden_size=4 * 48 + 64),
        text_config=LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=2,
            tie_word_embeddings=True,
        ),
        image_token_id=IMAGE_TOKEN_ID,
        image_seq_length=4,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )


@dataclass(frozen=True)
class Stage:
    """One training stage. Rates are peaks of a cosine after a linear warm-up; 0 = frozen."""

    name: str
    epochs: float
    batch: int
    tower_rate: float
    projector_rate: float
    lora_rate: float


# The paper: stage 1 trains tower and projector on captions at 1e-3 for 1 epoch, stage 2 projector and LoRA at 2e-5 for
# 5 epochs, AdamW, cosine, batch 32, on InternVL2-8B with 190,000 + 33,000 conversations. Here are some 2,300 images, a
# projector that starts from nothing and a language model of 135 M parameters that cannot read lettered options. Hence
# smaller batches, larger rates, and in place of captions two lessons of their own: image tokens are regressed to the
# word embeddings of what their cells show (no language model runs), and lettered options are answered from words (no
# image).
STAGES = (
    Stage("words", epochs=6, batch=16, tower_rate=5e-4, projector_rate=1e-3, lora_rate=0.0),
    Stage("letters", epochs=1, batch=16, tower_rate=0.0, projector_rate=0.0, lora_rate=1e-3),
    Stage("questions", epochs=2, batch=8, tower_rate=0.0, projector_rate=2e-4, lora_rate=7e-4),
)
WARMUP_STEPS = 20
WEIGHT_DECAY = 0.01
LORA_RANK, LORA_ALPHA = 8, 16  # the paper states neither
BLIND_SHARE = 0.1  # conversations trained without their image, so that --blind measures the language prior fairly
