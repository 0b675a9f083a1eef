"""Train the thermal CLIP: python -m core.tclip.train --captions DIR_OF_BUILT --images DIR --out RUN

The base learns from both kinds of captions: the projections first, then the top of the vision tower with them. The
adapters "global" and "fine" follow, each on its own captions over the frozen base. Started again with the same --out
it continues after the last epoch.
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
from core.tclip.dataset import CaptionedImage, read_captions, text_ids
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
def bottom_maps(
    bottom: nn.Module, preprocess: Preprocess, grey: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """Maps (N, C, h, w), bfloat16, of every image; of an augmented version of it where there is a generator."""
    parts = []
    for part in grey.split(64):
        pixels = part.float() / 255
        pixels = augment(pixels, generator) if generator else pixels
        with autocast():
            parts.append(bottom(preprocess(pixels.to(device()))).to("cpu", torch.bfloat16))
    return torch.cat(parts)


@torch.inference_mode()
def pooled(top: nn.Module, maps: Tensor) -> Tensor:
    """Pooled trunk features (N, C), float32."""
    with autocast():
        return torch.cat([top(m.to(device(), memory_format=torch.channels_last)).float() for m in maps.split(64)])


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
    floor: float = -1.0,
) -> dict[str, Any]:
    """Train one stage, resuming from `folder`; `keep` is called whenever `validate` gives a new best above `floor`.

    Args:
        modules: what a checkpoint holds. groups: AdamW parameter groups. count: training pairs.
        batch_loss: (indices, epoch, step) -> scalar.
    """
    optimizer = torch.optim.AdamW(groups, eps=1e-8)
    state = load_checkpoint(folder, modules, optimizer) or {"step": 0, "best": floor, "curve": [], "seconds": 0.0}
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


def train_base(
    clip: CustomTextCLIP, preprocess: Preprocess, training: Pairs, val: Pairs, args: Any
) -> dict[str, dict[str, Any]]:
    """First both projections alone, then with the top of the vision trunk (LP-FT: Kumar et al., ICLR 2022).

    The bottom of the trunk and the text transformer stay as they are, so each runs once: over the captions, and over
    `args.views` versions of every image, plain and augmented, which the epochs take in turn. Batch statistics stay
    ImageNet's. Both stages write model.safetensors at their best epoch; fine-tuning must beat the projections alone.
    """
    clip.eval()
    bottom, top = split_trunk(clip.visual.trunk)
    means = {kind: text_means(clip, training.tokens[kind]) for kind in ADAPTERS}
    val_means = {kind: text_means(clip, val.tokens[kind]) for kind in ADAPTERS}
    generator = torch.Generator().manual_seed(args.seed)
    views = [bottom_maps(bottom, preprocess, training.grey)]
    views += [bottom_maps(bottom, preprocess, training.grey, generator) for _ in range(args.views - 1)]
    val_maps = bottom_maps(bottom, preprocess, val.grey)
    plain = pooled(top, views[0])

    def loss_of(features: Tensor, indices: Tensor, step: int) -> Tensor:
        kind = ADAPTERS[step % 2]
        image, text = clip.visual.head(features), clip.text.proj(means[kind][indices])
        scale = clip.logit_scale.exp().clamp(max=MAX_SCALE)
        return info_nce(unit(image), unit(text), scale, training.ids[kind][indices].to(device()))

    def tuning_loss(indices: Tensor, epoch: int, step: int) -> Tensor:
        with autocast():
            features = top(views[epoch % len(views)][indices].to(device(), memory_format=torch.channels_last))
        return loss_of(features.float(), indices, step)

    def validate() -> float:
        with torch.inference_mode():
            image = unit(clip.visual.head(pooled(top, val_maps))).cpu().numpy()
            texts = [unit(clip.text.proj(val_means[kind])).cpu().numpy() for kind in ADAPTERS]
        return mean_recall(retrieval(image, fuse(texts, FUSION_ALPHA)))

    def keep() -> None:
        save_half(own_state(clip), args.out / "model.safetensors")

    heads = nn.ModuleList([clip.visual.head, clip.text.proj, nn.ParameterList([clip.logit_scale])])
    folder, count = args.out / "checkpoint", len(training)
    groups = [{"params": [*heads.parameters()], "lr": args.lr, "weight_decay": 0.05}]
    probe = fit(folder / "probe", {"heads": heads}, groups, args.probe_epochs, count, args.seed,
                lambda indices, epoch, step: loss_of(plain[indices], indices, step), validate, keep)  # fmt: skip
    load_own_state(clip, load(args.out / "model.safetensors"))
    groups = [{"params": [*heads.parameters(), *top.parameters()], "lr": args.tune_lr, "weight_decay": 0.05}]
    tuned = fit(folder / "tune", {"heads": heads, "top": top}, groups, args.epochs, count, args.seed, tuning_loss,
                validate, keep, floor=probe["best"])  # fmt: skip
    return {"probe": probe, "tune": tuned}


def train_adapter(
    model: Any, kind: str, features: list[Tensor], training: Pairs, val: Pairs, args: Any
) -> dict[str, Any]:
    """One adapter on its own captions; `features` are the frozen trunk's, of both splits."""

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


def best_adapter(model: ThermalCLIP, rows: list[CaptionedImage]) -> tuple[str, dict[str, float]]:
    """The adapter that serves a sentence of either kind best, and the mean recall of each over both kinds."""
    features = model.features([read_thermal(row.image) for row in rows])
    texts = [[row.caption_global for row in rows], [row.caption_fine for row in rows]]
    figures = {}
    for name in ("none", *ADAPTERS):
        images = model.project(features, name)
        figures[name] = float(np.mean([mean_recall(retrieval(images, model.encode_texts(t, name))) for t in texts]))
    return max(figures, key=lambda name: figures[name]), figures


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
    stages = train_base(clip, preprocess, training, val, args)

    load_own_state(clip, load(args.out / "model.safetensors"))  # the best epoch, as it will be served
    bottom, top = split_trunk(clip.visual.trunk)
    features = [pooled(top, bottom_maps(bottom, preprocess, pairs.grey)) for pairs in (training, val)]
    model = add_adapters(clip)
    for kind in ADAPTERS:
        stages[kind] = train_adapter(model, kind, features, training, val, args)

    described = {"name": MODEL_NAME, **config, "lora": lora(), "adapter": "none"}
    write_json(args.out / "config.json", described)
    rows = read_captions(files["val"], args.images)
    served = ThermalCLIP.from_weights(str(args.out))  # from here on what is stored is measured
    described["adapter"], single = best_adapter(served, rows)
    write_json(args.out / "config.json", described)
    figures = {adapter: retrieval(*embed(served, rows, adapter)) for adapter in ("none", *ADAPTERS, "dual")}
    metrics = {
        "data": sorted({row.source for row in rows}),
        "training_images": len(training),
        "validation_images": len(val),
        "seed": args.seed,
        "batch": BATCH,
        "stages": stages,
        "val": figures,
        "val_mean_recall_one_adapter_both_captions": single,
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
    p.add_argument("--probe-epochs", type=int, default=12, help="of the projections alone")
    p.add_argument("--epochs", type=int, default=6, help="of fine-tuning")
    p.add_argument("--adapter-epochs", type=int, default=5, help="of each adapter")
    p.add_argument("--views", type=int, default=3, help="versions of each image, the plain one included")
    p.add_argument("--lr", type=float, default=1e-3, help="of the projections alone")
    p.add_argument("--tune-lr", type=float, default=2e-4, help="of fine-tuning")
    p.add_argument("--adapter-lr", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=0)
    return p


if __name__ == "__main__":
    cli.run(parser(), train)
