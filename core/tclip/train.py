"""Train the thermal CLIP: python -m core.tclip.train --captions DIR_OF_BUILT --images DIR --out RUN

Three stages: the base (vision tower and projections, on both kinds of captions), then the adapters "global" and "fine",
each on its own captions over the frozen base. Started again with the same --out it continues after the last epoch.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.model import CustomTextCLIP
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, get_cosine_schedule_with_warmup

from core import cli
from core.checkpoint import load_checkpoint, save_checkpoint
from core.device import autocast, device
from core.tclip.augment import augment
from core.tclip.builders import (
    ADAPTERS,
    CONTEXT_LENGTH,
    FUSION_ALPHA,
    MODEL_NAME,
    VISION_BASE,
    lora,
    thermal_clip_lite0,
)
from core.tclip.dataset import read_captions, text_ids
from core.tclip.evaluate import embed
from core.tclip.index import fuse
from core.tclip.loss import info_nce
from core.tclip.metrics import mean_recall, retrieval
from core.tclip.model import (
    Preprocess,
    active,
    adapter_state,
    add_adapters,
    build_clip,
    load_own_state,
    own_state,
    resize,
)
from core.tclip.predictor import ThermalCLIP
from core.tclip.vision_init import float32_depthwise, imagenet_weights, split_trunk
from core.thermal import read_thermal
from core.weights import base_model, load

BATCH = 128
MAX_SCALE = 100.0  # of the cosines, as CLIP


@dataclass(frozen=True)
class Pairs:
    """Images and both kinds of captions in memory.

    grey: uint8 (N, 1, S, S); tokens: kind -> int64 (N, L), zeros behind the end; ids: kind -> (N,), equal for equal
    captions.
    """

    grey: Tensor
    tokens: dict[str, Tensor]
    ids: dict[str, Tensor]

    def __len__(self) -> int:
        return len(self.grey)


def read_pairs(file: Path, images: Path, size: int, tokenizer: Any) -> Pairs:
    """Decode and tokenise a caption file once."""
    rows = read_captions(file, images)
    grey = torch.stack([(resize(read_thermal(row.image), size) * 255).round().to(torch.uint8) for row in rows])
    texts = {"global": [row.caption_global for row in rows], "fine": [row.caption_fine for row in rows]}
    options = {"padding": True, "truncation": True, "max_length": CONTEXT_LENGTH, "return_tensors": "pt"}
    tokens = {kind: tokenizer(texts[kind], **options).input_ids for kind in ADAPTERS}
    return Pairs(grey, tokens, {kind: torch.tensor(text_ids(texts[kind])) for kind in ADAPTERS})


def unit(rows: Tensor) -> Tensor:
    """Rows of length 1, float32."""
    return F.normalize(rows.float(), dim=-1)


def trimmed(tokens: Tensor) -> Tensor:
    """Without the columns that are padding in every row."""
    return tokens[:, : int((tokens != 0).sum(1).max())]


@torch.inference_mode()
def text_means(clip: CustomTextCLIP, tokens: Tensor) -> Tensor:
    """Mean-pooled outputs (N, W) of the frozen text transformer: what the text projection takes."""
    parts = []
    for part in tokens.split(64):
        ids = trimmed(part).to(device())
        mask = (ids != 0).long()
        with autocast():
            parts.append(clip.text.pooler(clip.text.transformer(input_ids=ids, attention_mask=mask), mask).float())
    return torch.cat(parts)


@torch.inference_mode()
def bottom_maps(bottom: nn.Module, preprocess: Preprocess, grey: Tensor, generator: torch.Generator) -> Tensor:
    """Maps (N, C, h, w) in bfloat16 of one augmented version of every image."""
    with autocast():
        parts = [bottom(preprocess(augment(g.float() / 255, generator).to(device()))) for g in grey.split(64)]
    return torch.cat([part.to("cpu", torch.bfloat16) for part in parts])


@torch.inference_mode()
def image_features(clip: CustomTextCLIP, preprocess: Preprocess, grey: Tensor) -> Tensor:
    """Pooled trunk features (N, C)."""
    with autocast():
        return torch.cat([clip.visual.trunk(preprocess(g.to(device()) / 255)).float() for g in grey.split(64)])


def fit(
    folder: Path,
    modules: dict[str, nn.Module],
    groups: list[dict[str, Any]],
    epochs: int,
    count: int,
    seed: int,
    batch_loss: Callable[[Tensor, int, int], Tensor],
    validate: Callable[[], float],
    keep: Callable[[], None],
) -> dict[str, Any]:
    """Train one stage, resuming from `folder`; `keep` is called whenever `validate` gives a new best.

    Args:
        modules: what a checkpoint holds. groups: AdamW parameter groups. count: training pairs.
        batch_loss: (indices, epoch, step) -> scalar.
    """
    optimizer = torch.optim.AdamW(groups, eps=1e-8)
    state = load_checkpoint(folder, modules, optimizer) or {"step": 0, "best": -1.0, "curve": [], "seconds": 0.0}
    batch = min(BATCH, count)
    steps = count // batch
    scheduler = get_cosine_schedule_with_warmup(optimizer, steps // 2, epochs * steps, last_epoch=state["step"] - 1)
    parameters = [p for group in groups for p in group["params"]]
    for epoch in range(state["step"] // steps, epochs):
        started = time.monotonic()
        generator = torch.Generator().manual_seed(seed * 1000 + epoch)
        losses = []
        for indices in torch.randperm(count, generator=generator)[: steps * batch].split(batch):
            loss = batch_loss(indices, epoch, state["step"])
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            state["step"] += 1
        figure = validate()
        state["seconds"] += time.monotonic() - started
        state["curve"].append({"epoch": epoch + 1, "loss": float(np.mean(losses)), "val_mean_recall": figure})
        if figure > state["best"]:
            state["best"] = figure
            keep()
        save_checkpoint(folder, modules, optimizer, state)
        print(f"{folder.name} epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.3f}, mean recall on validation "
              f"{figure:.3f}, {state['seconds']:.0f} s", flush=True)  # fmt: skip
    return state


def save_half(tensors: dict[str, Tensor], file: Path) -> None:
    """Write tensors with floats as float16."""
    half = {k: (v.half() if v.is_floating_point() else v).detach().cpu().contiguous() for k, v in tensors.items()}
    save_file(half, file)


def train_base(clip: CustomTextCLIP, preprocess: Preprocess, training: Pairs, val: Pairs, args: Any) -> dict[str, Any]:
    """Stage 1: the top of the vision trunk and both projections.

    The bottom of the trunk and the text transformer stay as they are, so each runs once: over the captions, and over
    `args.views` augmented versions of every image, which the epochs take in turn. Batch statistics stay ImageNet's.
    """
    clip.eval()
    bottom, top = split_trunk(clip.visual.trunk)
    means = {kind: text_means(clip, training.tokens[kind]) for kind in ADAPTERS}
    val_means = {kind: text_means(clip, val.tokens[kind]) for kind in ADAPTERS}
    generator = torch.Generator().manual_seed(args.seed)
    views = [bottom_maps(bottom, preprocess, training.grey, generator) for _ in range(args.views)]

    def batch_loss(indices: Tensor, epoch: int, step: int) -> Tensor:
        kind = ADAPTERS[step % 2]
        with autocast():
            pooled = top(views[epoch % len(views)][indices].to(device(), memory_format=torch.channels_last))
            image, text = clip.visual.head(pooled), clip.text.proj(means[kind][indices])
        scale = clip.logit_scale.exp().clamp(max=MAX_SCALE)
        return info_nce(unit(image), unit(text), scale, training.ids[kind][indices].to(device()))

    def validate() -> float:
        features = image_features(clip, preprocess, val.grey)
        with torch.inference_mode():
            image = unit(clip.visual.head(features)).cpu().numpy()
            texts = [unit(clip.text.proj(val_means[kind])).cpu().numpy() for kind in ADAPTERS]
        return mean_recall(retrieval(image, fuse(texts, FUSION_ALPHA)))

    heads = [*clip.visual.head.parameters(), *clip.text.proj.parameters()]
    groups = [
        {"params": [*top.parameters()], "lr": args.trunk_lr, "weight_decay": 0.05},
        {"params": heads, "lr": args.lr, "weight_decay": 0.05},
        {"params": [clip.logit_scale], "lr": args.lr, "weight_decay": 0.0},
    ]
    modules = {
        "top": top,
        "head": clip.visual.head,
        "text": clip.text.proj,
        "scale": nn.ParameterList([clip.logit_scale]),
    }
    return fit(args.out / "checkpoint" / "base", modules, groups, args.epochs, len(training), args.seed, batch_loss,
               validate, lambda: save_half(own_state(clip), args.out / "model.safetensors"))  # fmt: skip


def train_adapter(
    model: Any, kind: str, features: tuple[Tensor, Tensor], training: Pairs, val: Pairs, args: Any
) -> dict[str, Any]:
    """Stages 2 and 3: one adapter on its own captions; `features` are the frozen trunk's, of both splits."""

    def vectors(clip: CustomTextCLIP, pooled: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        with autocast():
            return unit(clip.visual.head(pooled)), unit(clip.encode_text(trimmed(tokens).to(device())))

    def batch_loss(indices: Tensor, epoch: int, step: int) -> Tensor:
        with active(model, kind) as clip:
            image, text = vectors(clip, features[0][indices], training.tokens[kind][indices])
            scale = clip.logit_scale.exp().clamp(max=MAX_SCALE)
        return info_nce(image, text, scale, training.ids[kind][indices].to(device()))

    def validate() -> float:
        with torch.inference_mode(), active(model, kind) as clip:
            split = zip(features[1].split(64), val.tokens[kind].split(64), strict=True)
            parts = [vectors(clip, pooled, tokens) for pooled, tokens in split]
        images, texts = (torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True))
        return mean_recall(retrieval(images, texts))

    model.eval()  # batch statistics and dropout stay off
    model.set_adapter(kind)
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": parameters, "lr": args.adapter_lr, "weight_decay": 1e-3}]  # Paper: AdamW, 2e-3, 1e-3
    return fit(args.out / "checkpoint" / kind, {"adapter": nn.ParameterList(parameters)}, groups, args.adapter_epochs,
               len(training), args.seed, batch_loss, validate,
               lambda: save_half(adapter_state(model, kind), args.out / f"adapter_{kind}.safetensors"))  # fmt: skip


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Run or resume a training; returns what metrics.json holds."""
    torch.manual_seed(args.seed)
    config = thermal_clip_lite0()
    text_base = base_model(config["text_cfg"]["hf_model_name"])
    tokenizer = AutoTokenizer.from_pretrained(text_base)
    size = config["vision_cfg"]["image_size"]
    files = {split: args.captions / f"{split}.captions.jsonl" for split in ("train", "val")}
    training, val = (read_pairs(file, args.images, size, tokenizer) for file in files.values())
    print(f"{len(training)} training and {len(val)} validation images", flush=True)
    args.out.mkdir(parents=True, exist_ok=True)

    clip = build_clip(config, text_base).to(device(), memory_format=torch.channels_last)
    clip.visual.trunk.load_state_dict(imagenet_weights(base_model(VISION_BASE), clip.visual.trunk))
    preprocess = Preprocess(**config["preprocess_cfg"]).to(device())
    float32_depthwise(clip.visual.trunk)
    stages = {"base": train_base(clip, preprocess, training, val, args)}

    load_own_state(clip, load(args.out / "model.safetensors"))  # the best epoch, as it will be served
    features = image_features(clip, preprocess, training.grey), image_features(clip, preprocess, val.grey)
    model = add_adapters(clip)
    for kind in ADAPTERS:
        stages[kind] = train_adapter(model, kind, features, training, val, args)

    described = {"name": MODEL_NAME, **config, "lora": lora(), "adapter": "none"}
    write_json(args.out / "config.json", described)
    rows = read_captions(files["val"], args.images)
    served = ThermalCLIP.from_weights(str(args.out))
    figures = {adapter: retrieval(*embed(served, rows, adapter)) for adapter in ("none", *ADAPTERS, "dual")}
    metrics = {
        "data": sorted({row.source for row in rows}),
        "training_images": len(training),
        "validation_images": len(val),
        "seed": args.seed,
        "batch": BATCH,
        "stages": stages,
        "val": figures,
    }
    write_json(args.out / "metrics.json", metrics)
    print(f"weights and metrics are in {args.out}")
    return metrics


def write_json(file: Path, value: dict[str, Any]) -> None:
    """One indented JSON object."""
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.tclip.train", description="Train the thermal CLIP; resumable.")
    p.add_argument("--captions", type=Path, required=True, metavar="DIR",
                   help="folder with train.captions.jsonl and val.captions.jsonl")  # fmt: skip
    p.add_argument("--images", type=Path, required=True, metavar="DIR", help="what image names are relative to")
    p.add_argument("--out", type=Path, default=Path("runs/tclip"), help="run folder (default: runs/tclip)")
    p.add_argument("--epochs", type=int, default=12, help="of the base")
    p.add_argument("--adapter-epochs", type=int, default=6, help="of each adapter")
    p.add_argument("--lr", type=float, default=2e-3, help="of the projections")
    p.add_argument("--trunk-lr", type=float, default=3e-4, help="of the top of the vision trunk")
    p.add_argument("--views", type=int, default=3, help="augmented versions of each image")
    p.add_argument("--adapter-lr", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=0)
    return p


if __name__ == "__main__":
    cli.run(parser(), train)
