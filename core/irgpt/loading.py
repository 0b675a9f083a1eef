"""From files to a model: the bundled assembly (trained parts + open language model) or any folder of transformers."""

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageTextToText, GenerationConfig, PreTrainedModel

from core import weights
from core.errors import InputError
from core.irgpt.builders import LORA_ALPHA, LORA_RANK
from core.irgpt.model import ThermalInternVL, ThermalInternVLConfig

TRAINED = "trained.safetensors"  # tower, projector and LoRA; the language model comes from weights.base_model
BASE = "smollm2-135m-instruct"
# GGUF tensor name -> Llama parameter name (ggml-org/llama.cpp, gguf-py/gguf/tensor_mapping.py)
_GGUF = {
    "token_embd": "embed_tokens",
    "output_norm": "norm",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def language_weights(gguf: Path, heads: int, key_heads: int) -> dict[str, Tensor]:
    """float32 parameters of a Llama model, dequantised from a GGUF file.

    transformers' `gguf_file=` gives the same numbers (a slow test holds it to that) in 15 s instead of 3.
    """
    from gguf import GGUFReader, dequantize

    state = {}
    for tensor in GGUFReader(gguf).tensors:
        block, name, kind = re.fullmatch(r"(?:blk\.(\d+)\.)?(\w+)\.(\w+)", tensor.name).groups()  # type: ignore[union-attr]
        value = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        if name in ("attn_q", "attn_k"):  # llama.cpp interleaves the two rotary halves of every head
            count = heads if name == "attn_q" else key_heads
            value = value.unflatten(0, (count, -1, 2)).transpose(1, 2).reshape(value.shape)
        state[f"layers.{block}.{_GGUF[name]}.{kind}" if block else f"{_GGUF[name]}.{kind}"] = value
    return state


def new_model(config: ThermalInternVLConfig, gguf: Path) -> ThermalInternVL:
    """A float32 model with the open language model in it; tower and projector random."""
    model = AutoModelForImageTextToText.from_config(config)
    text = config.text_config
    state = language_weights(gguf, text.num_attention_heads, text.num_key_value_heads)
    model.model.language_model.load_state_dict(state)
    model.tie_weights()
    model.generation_config = GenerationConfig(eos_token_id=text.eos_token_id, pad_token_id=text.pad_token_id)
    return model.eval()


def save_trained(model: ThermalInternVL, folder: Path) -> None:
    """Tower, projector and LoRA matrices as bfloat16 safetensors, and config.json, to `folder`."""
    keep = ("vision_tower.", "multi_modal_projector.")
    tensors = {}
    for name, value in model.model.state_dict().items():
        if name.startswith(keep) or ".lora_" in name:
            half = value.to(torch.bfloat16) if value.is_floating_point() else value
            tensors[name.replace(".default.", ".")] = half.detach().cpu().contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / TRAINED)
    model.config.save_pretrained(folder)


def add_trained(model: ThermalInternVL, tensors: dict[str, Tensor]) -> None:
    """Load tower and projector, merge LoRA into the language model: W + alpha/r B A."""
    modules = dict(model.model.named_modules())
    for name in [key for key in tensors if key.endswith("lora_A.weight")]:
        down, up = tensors.pop(name).float(), tensors.pop(name.replace("lora_A", "lora_B")).float()
        with torch.no_grad():
            modules[name.removesuffix(".lora_A.weight")].weight += LORA_ALPHA / LORA_RANK * (up @ down)
    unknown = model.model.load_state_dict(tensors, strict=False).unexpected_keys
    if unknown:
        raise InputError(
            f"{TRAINED} holds '{unknown[0]}', which this architecture has not; train or download it again."
        )


def load_model(folder: Path, dtype: torch.dtype, nf4: bool) -> PreTrainedModel:
    """A folder with `trained.safetensors` is assembled around the open base; any other is loaded by transformers."""
    if not (folder / "config.json").is_file():
        raise InputError(
            f"'{folder.name}' has no config.json; give a folder that core.irgpt.train or transformers wrote."
        )
    if not (folder / TRAINED).is_file():
        return _foreign(folder, dtype, nf4)
    model = new_model(AutoConfig.from_pretrained(folder), weights.base_model(BASE))
    add_trained(model, weights.load(folder / TRAINED))
    model.to(dtype)
    if nf4:
        quantise_nf4(model.model.language_model, dtype)
    return model.eval()


def quantise_nf4(module: nn.Module, dtype: torch.dtype) -> None:
    """Replace every linear layer in `module` by bitsandbytes' 4-bit NormalFloat one (vision stays as it is)."""
    from bitsandbytes.nn import Linear4bit, Params4bit

    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                bias = child.bias is not None
                packed = Linear4bit(child.in_features, child.out_features, bias, compute_dtype=dtype, quant_type="nf4")
                packed.weight = Params4bit(child.weight.data, requires_grad=False, quant_type="nf4", module=packed)
                if bias:
                    packed.bias = child.bias
                setattr(parent, name, packed.to(child.weight.device))


def _foreign(folder: Path, dtype: torch.dtype, nf4: bool) -> PreTrainedModel:
    options: dict = {"dtype": dtype, "use_safetensors": True}
    if nf4:
        from transformers import BitsAndBytesConfig

        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype
        )
    try:
        return AutoModelForImageTextToText.from_pretrained(folder, **options).eval()
    except (OSError, ValueError) as error:
        raise InputError(f"'{folder.name}' is not an image-text-to-text model that transformers can load.") from error
