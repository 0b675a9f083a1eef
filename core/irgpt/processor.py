"""InternVL's own processor around SmolLM2's tokenizer: one 448-pixel tile, chat template without a system prompt."""

import json
from pathlib import Path

import numpy as np
from PIL import Image
from timm.data import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from tokenizers import Tokenizer
from transformers import AutoTokenizer, PreTrainedTokenizerFast
from transformers.models.got_ocr2 import GotOcr2ImageProcessor
from transformers.models.internvl import InternVLProcessor, InternVLVideoProcessor

from core.irgpt.builders import IMAGE_END, IMAGE_SIZE, IMAGE_START, IMAGE_TOKEN, IMAGE_TOKENS, RENAMED, VIDEO_TOKEN
from core.thermal import ThermalImage

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' }}"
    "{% if message['content'] is string %}{% set text = message['content'] %}"
    "{% else %}{% set text = namespace(value='') %}{% for part in message['content'] %}"
    "{% set text.value = text.value + ('" + IMAGE_TOKEN + "\\n' if part['type'] == 'image' else part['text']) %}"
    "{% endfor %}{% set text = text.value %}{% endif %}"
    "{% if message['role'] == 'assistant' %}{% generation %}{{ text }}<|im_end|>{% endgeneration %}"
    "{% else %}{{ text }}<|im_end|>{% endif %}{{ '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)

# how the tokenizer's special tokens are used: by the chat, and by InternVL's processor
SPECIAL_TOKENS = {
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
    "pad_token": "<|im_end|>",
    "unk_token": "<|endoftext|>",
    "extra_special_tokens": {
        "start_image_token": IMAGE_START,
        "end_image_token": IMAGE_END,
        "context_image_token": IMAGE_TOKEN,
        "video_token": VIDEO_TOKEN,
    },
}


def build_processor(tokenizer: PreTrainedTokenizerFast, image_size: int, image_tokens: int) -> InternVLProcessor:
    """A processor that turns one image into one tile of `image_size` pixels and `image_tokens` tokens."""
    size = {"height": image_size, "width": image_size}
    mean_std = {"image_mean": list(IMAGENET_DEFAULT_MEAN), "image_std": list(IMAGENET_DEFAULT_STD)}
    return InternVLProcessor(
        image_processor=GotOcr2ImageProcessor(size=size, min_patches=1, max_patches=1, **mean_std),
        tokenizer=tokenizer,
        video_processor=InternVLVideoProcessor(size=size, **mean_std),  # InternVLProcessor insists on one
        image_seq_length=image_tokens,
        chat_template=TEMPLATE,
    )


def bundled_processor(gguf: Path) -> InternVLProcessor:
    """The processor of the bundled model, its tokenizer read from the language model's GGUF file (about 5 s)."""
    source = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    content = json.loads(source.backend_tokenizer.to_str())
    for token in content["added_tokens"]:
        token["content"] = RENAMED.get(token["content"], token["content"])
    content["model"]["vocab"] = {RENAMED.get(word, word): index for word, index in content["model"]["vocab"].items()}
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(content)), **SPECIAL_TOKENS)
    return build_processor(tokenizer, IMAGE_SIZE, IMAGE_TOKENS)


def picture(image: ThermalImage) -> Image.Image:
    """What every image processor takes: the 8-bit view, white-hot, as RGB."""
    return Image.fromarray(np.repeat(image.view8()[..., None], 3, axis=2))
