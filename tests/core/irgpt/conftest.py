import random

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForImageTextToText, GenerationConfig, PreTrainedTokenizerFast

from core.irgpt import predictor
from core.irgpt.builders import IMAGE_END, IMAGE_START, IMAGE_TOKEN, VIDEO_TOKEN, toy_config
from core.irgpt.processor import SPECIAL_TOKENS, build_processor
from core.thermal import from_array

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", IMAGE_TOKEN, VIDEO_TOKEN, IMAGE_START, IMAGE_END]


def toy_tokenizer() -> PreTrainedTokenizerFast:
    """Bytes as tokens, with the bundled tokenizer's special tokens at the same ids."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate([*SPECIAL, *alphabet])}
    raw = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(SPECIAL)
    return PreTrainedTokenizerFast(tokenizer_object=raw, **SPECIAL_TOKENS)


@pytest.fixture(scope="session")
def processor():
    return build_processor(toy_tokenizer(), image_size=128, image_tokens=4)


@pytest.fixture
def model(processor):
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(toy_config(len(processor.tokenizer)))
    model.generation_config = GenerationConfig(eos_token_id=2, pad_token_id=2)
    return model.eval()


@pytest.fixture
def irgpt(model, processor):
    return predictor.IRGPT(model, processor)


@pytest.fixture
def image():
    rng = random.Random(0)
    pixels = torch.tensor([[rng.randrange(256) for _ in range(40)] for _ in range(30)])
    return from_array(pixels.numpy(), name="noise.png")
