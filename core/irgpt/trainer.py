"""The loop of every stage: batches with their losses, cosine rate, validation, checkpoints, time left."""

import itertools
import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.internvl import InternVLProcessor

from core.checkpoint import load_checkpoint, save_checkpoint
from core.device import autocast, compute_dtype, device
from core.irgpt.builders import BLIND_SHARE, LORA_ALPHA, LORA_RANK, WARMUP_STEPS, WEIGHT_DECAY, Stage
from core.irgpt.dataset import Talk, collate, encode, image_marks, pick_turns
from core.irgpt.loading import save_trained
from core.irgpt.model import ThermalInternVL
from core.irgpt.processor import picture
from core.tclip.vision_init import float32_depthwise
from core.thermal import read_thermal

CHECKPOINT_SECONDS = 180
VALIDATIONS = 6  # a stage
Batch = Callable[[], Tensor]  # computes its loss


def prepare(model: ThermalInternVL) -> ThermalInternVL:
    """Freeze everything, language model in bfloat16, float32 LoRA on its linear layers; batch norm stays as it is."""
    model.requires_grad_(False)
    text = model.model.language_model.to(compute_dtype())
    text.set_attn_implementation("eager")  # on CPUs 12 % faster than sdpa, forward and backward (300 tokens, bfloat16)
    config = LoraConfig(r=LORA_RANK, lora_alpha=LORA_ALPHA, target_modules="all-linear")
    inject_adapter_in_model(config, text)
    for name, parameter in text.named_parameters():
        parameter.requires_grad_(False)
        if ".lora_" in name:
            parameter.data = parameter.data.float()
    model.tie_weights()
    float32_depthwise(model.model.vision_tower.backbone)
    return model.to(device()).eval()


def groups(model: ThermalInternVL) -> dict[str, list[nn.Parameter]]:
    """The parameters that stages train, by the Stage field that holds their rate. The lower tower is in none."""
    inner = model.model
    tower = inner.vision_tower
    upper = itertools.chain.from_iterable(b.parameters() for b in tower.backbone.blocks[tower.last[0] + 1 :])
    lora = [p for name, p in inner.language_model.named_parameters() if ".lora_" in name]
    return {
        "tower_rate": list(upper),
        "projector_rate": list(inner.multi_modal_projector.parameters()),
        "lora_rate": lora,
    }


class Pictures:
    """Lower tower features of image files, computed once and kept in memory (0.25 MB an image)."""

    def __init__(self, model: ThermalInternVL, processor: InternVLProcessor):
        self.tower, self.processor = model.model.vision_tower, processor
        self.kept: dict[Path, Tensor] = {}

    def __call__(self, paths: Sequence[Path]) -> Tensor:
        """(B, C8, S/8, S/8) in the compute dtype, on `device()`."""
        for path in paths:
            if path not in self.kept:
                pixels = self.processor.image_processor(picture(read_thermal(path)), return_tensors="pt").pixel_values
                with torch.no_grad(), autocast():
                    lower = self.tower.lower(pixels.to(device()))
                self.kept[path] = lower[0].to("cpu", compute_dtype())
        return torch.stack([self.kept[path] for path in paths]).to(device())


def image_tokens(model: ThermalInternVL, lower: Tensor) -> Tensor:
    """(B, C8, S/8, S/8) -> (B, N, D): InternVL's get_image_features from the point where `Pictures` stops."""
    inner = model.model
    with autocast():
        features = inner.vision_tower.upper(lower)
        side = math.isqrt(features.shape[1])
        shuffled = inner.pixel_shuffle(features.unflatten(1, (side, side)), inner.config.downsample_ratio)
        return inner.multi_modal_projector(shuffled.flatten(1, 2))


def answer_logits(
    model: ThermalInternVL, lower: Tensor | None, ids: Tensor, weights: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Of the T answer tokens: float32 logits (T, V), true ids (T,) and rows (T,).

    ids, weights: (B, L); lower: tower features of the rows with images. Only the hidden states that predict an answer
    token reach the output layer.
    """
    outputs = None
    if lower is not None:
        outputs = {"image": BaseModelOutputWithPooling(pooler_output=image_tokens(model, lower))}
    with autocast():
        hidden = model.model(input_ids=ids, mm_encoder_outputs=outputs, use_cache=False).last_hidden_state
        counted = weights[:, 1:] > 0
        logits = model.lm_head(hidden[:, :-1][counted])
    return logits.float(), ids[:, 1:][counted], counted.nonzero()[:, 0]


def answer_loss(model: ThermalInternVL, lower: Tensor | None, ids: Tensor, weights: Tensor) -> Tensor:
    """Weighted cross-entropy on answer tokens, each answer counting 1. Arguments as `answer_logits`."""
    logits, true, _ = answer_logits(model, lower, ids, weights)
    losses = F.cross_entropy(logits, true, reduction="none")
    return (losses * weights[:, 1:][weights[:, 1:] > 0]).sum() / weights.sum()


@torch.no_grad()
def answer_accuracy(
    model: ThermalInternVL,
    processor: InternVLProcessor,
    samples: Sequence[tuple[Tensor, Tensor]],
    lower: Callable[[int, int], Tensor] | None = None,
    size: int = 8,
) -> dict[str, float]:
    """Over encoded one-turn samples: mean loss, and the share of answers that greedy decoding would give exactly.

    `lower(start, stop)`: tower features of a run of samples; none for samples without images.
    """
    right, losses = [], []
    for start in range(0, len(samples), size):
        ids, weights = collate(samples[start : start + size], processor.tokenizer.pad_token_id)
        pixels = lower(start, min(start + size, len(samples))) if lower else None
        weights = weights.to(device())
        logits, true, rows = answer_logits(model, pixels, ids.to(device()), weights)
        loss = F.cross_entropy(logits, true, reduction="none") * weights[:, 1:][weights[:, 1:] > 0]
        wrong = torch.zeros(len(ids), device=rows.device).index_add_(0, rows, (logits.argmax(-1) != true).float())
        right += (wrong == 0).tolist()
        losses.append(loss.sum().item())
    return {"loss": sum(losses) / len(samples), "accuracy": sum(right) / len(samples)}


def talk_batches(
    model: ThermalInternVL,
    processor: InternVLProcessor,
    pictures: Pictures,
    talks: Sequence[Talk],
    stage: Stage,
    seed: str,
) -> Iterator[Batch]:
    """One pass over the talks in random order, conversations of like length together.

    While LoRA is trained, BLIND_SHARE of the conversations come without their image.
    """
    size, blind_share = stage.batch, BLIND_SHARE if stage.lora_rate > 0 else 0.0
    rng, marks = random.Random(seed), image_marks(processor)
    order = rng.sample(talks, len(talks))
    for start in range(0, len(order), 16 * size):
        drawn = []
        for talk in order[start : start + 16 * size]:
            sighted = rng.random() >= blind_share
            turns = pick_turns(talk, rng)
            drawn.append((talk.image if sighted else None, encode(processor, turns, marks if sighted else "")))
        drawn.sort(key=lambda item: len(item[1][0]))
        chunks = [drawn[i : i + size] for i in range(0, len(drawn), size)]
        for chunk in rng.sample(chunks, len(chunks)):

            def loss(chunk: list = chunk) -> Tensor:
                ids, weights = collate([sample for _, sample in chunk], processor.tokenizer.pad_token_id)
                paths = [path for path, _ in chunk if path is not None]
                lower = pictures(paths) if paths else None
                return answer_loss(model, lower, ids.to(device()), weights.to(device()))

            yield loss


def run_stage(
    stage: Stage,
    model: ThermalInternVL,
    batches: Callable[[int], Iterator[Batch]],
    steps_per_epoch: int,
    validate: Callable[[], dict[str, Any]],
    out: Path,
    log: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Train one stage, or what is left of it; returns its record. `batches(epoch)` yields losses to be computed.

    The weights with the lowest "loss" of `validate()` are also saved, to `out/<stage>-best`.
    """
    rated = {name: parameters for name, parameters in groups(model).items() if getattr(stage, name) > 0}
    for parameter in (p for parameters in rated.values() for p in parameters):
        parameter.requires_grad_(True)
    optimizer = torch.optim.AdamW(
        [{"params": parameters, "lr": getattr(stage, name)} for name, parameters in rated.items()],
        weight_decay=WEIGHT_DECAY,
    )
    total = max(1, round(stage.epochs * steps_per_epoch))
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total))
    everything = nn.ParameterList(itertools.chain.from_iterable(groups(model).values()))
    modules = {"trained": everything}
    state = load_checkpoint(out / stage.name, modules, optimizer) or {"step": 0, "history": []}
    schedule.last_epoch = state["step"]
    started, saved, first = time.monotonic(), time.monotonic(), state["step"]
    running: list[float] = []
    stream = itertools.chain.from_iterable(batches(epoch) for epoch in itertools.count())
    for batch in itertools.islice(stream, state["step"], max(state["step"], total)):
        for group, peak in zip(optimizer.param_groups, schedule.base_lrs, strict=True):
            group["lr"] = peak * _rate(state["step"], total)
        loss = batch()
        loss.backward()
        nn.utils.clip_grad_norm_(everything, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        state["step"] += 1
        running.append(loss.item())
        if state["step"] % 10 == 0:
            pace = (time.monotonic() - started) / (state["step"] - first)
            mean = sum(running[-50:]) / len(running[-50:])
            left = pace * (total - state["step"]) / 60
            log(f"{stage.name} {state['step']}/{total}  loss {mean:.3f}  {pace:.2f} s a step  {left:.0f} min left")
        if state["step"] % -(-total // VALIDATIONS) == 0 or state["step"] == total:
            figures = validate()
            state["history"].append({"step": state["step"], **figures})
            log(f"{stage.name} validation {json.dumps(figures)}")
            if figures["loss"] <= min(h["loss"] for h in state["history"]):
                save_trained(model, out / f"{stage.name}-best")
        if time.monotonic() - saved > CHECKPOINT_SECONDS or state["step"] == total:
            save_checkpoint(out / stage.name, modules, optimizer, state)
            saved = time.monotonic()
    for parameter in everything:
        parameter.requires_grad_(False)
    return {"stage": asdict(stage), "steps": state["step"], "validation": state["history"]}


def _rate(step: int, total: int) -> float:
    """Linear warm-up, then a cosine to 0."""
    warmup = min(WARMUP_STEPS, total // 4 + 1)
    return min(1.0, (step + 1) / warmup) * 0.5 * (1 + math.cos(math.pi * min(1.0, step / total)))
