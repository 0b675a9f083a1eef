"""Train LGNet: python -m core.lgnet.train --data DIR... --out RUN

Stops and goes on: started again with the same --out it continues from the last checkpoint.
Several GPUs: accelerate launch -m core.lgnet.train ...
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from safetensors.torch import save_file
from timm.optim.adan import Adan
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from core import cli
from core.checkpoint import load_checkpoint, save_checkpoint
from core.data.revisions import read_revision
from core.device import device
from core.errors import InputError
from core.lgnet.builders import BUILDERS
from core.lgnet.calibrate import activation_ranges, save_ranges, spread
from core.lgnet.crops import CropSampler
from core.lgnet.curves import draw_curves
from core.lgnet.dataset import Sample, read_training_folder, split_validation
from core.lgnet.descriptor import TextImageEncoder, load_encoder
from core.lgnet.engine import TorchEngine
from core.lgnet.evaluate import evaluate_samples
from core.lgnet.loss import lgnet_loss
from core.lgnet.model import LGNet
from core.weights import load, resolve

DESCRIPTOR_DIM = 512
# share of training samples whose text is left out; "training": half, so that the network works without it (Table 2)
TEXT_DROP = {"never": 1.0, "training": 0.5, "both": 0.0}
CALIBRATION = 48  # training images that the ranges of 8-bit serving come from


def descriptors(samples: list[Sample], encoder: TextImageEncoder | None) -> tuple[Tensor, Tensor]:
    """(image embeddings, text embeddings), each (N, 512); zeros without an encoder or without text."""
    images, texts = (np.zeros((len(samples), DESCRIPTOR_DIM), np.float32) for _ in range(2))
    if encoder is not None:
        for start in range(0, len(samples), 32):
            images[start : start + 32] = encoder.encode_images([s.image for s in samples[start : start + 32]])
        said = [i for i, s in enumerate(samples) if s.text]
        if said:
            texts[said] = encoder.encode_texts([samples[i].text for i in said])
    return torch.from_numpy(images), torch.from_numpy(texts)


def learning_rate_factor(step: int, steps: int, warmup: int) -> float:
    """Linear warm-up, then cosine to 1 % of the peak."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


def served_weights(model: nn.Module) -> dict[str, Tensor]:
    """Weights as they are kept and served: kernels in half precision, vectors (batch norm) as they are."""
    return {k: (v.half() if v.ndim > 1 else v).cpu().contiguous() for k, v in model.state_dict().items()}


def start_from(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Copy the weights that fit by name and shape; what a model of another architecture lacks stays as it is.

    Raises:
        InputError: nothing fits.
    """
    own = model.state_dict()
    fitting = {k: v.float() for k, v in weights.items() if k in own and v.shape == own[k].shape}
    if not fitting:
        raise InputError("--init shares no layer with this architecture; start from weights of the same family.")
    if new := len(own) - len(fitting):
        print(f"{new} of {len(own)} tensors start anew: --init has none of their name and shape", flush=True)
    model.load_state_dict(own | fitting)


def train(args: argparse.Namespace) -> dict[str, Any]:
    """Run or resume a training; returns what metrics.json holds."""
    if args.batch < 2:
        raise InputError("--batch must be at least 2: the gates' batch norm sees one value an image.")
    if min(args.steps, args.every) < 1 or args.crop < 32:
        raise InputError("--steps and --every must be at least 1, --crop at least 32.")
    accelerator = Accelerator(mixed_precision="bf16", cpu=device().type == "cpu")
    set_seed(args.seed + accelerator.process_index)
    samples = [s for folder in args.data for s in read_training_folder(folder)]
    training, validation = split_validation(samples) if len(samples) >= 20 else (samples, [])
    if not any(s.mask.any() for s in training):
        raise InputError("No training image has a target in its mask; add masks, or export a revision that has some.")
    print(f"{len(training)} training and {len(validation)} validation images", flush=True)
    encoder = load_encoder(args.descriptor)
    image_td, text_td = descriptors(training, encoder)

    main = accelerator.is_main_process
    architecture = "lgnet-toy" if args.toy else args.architecture
    args.out.mkdir(parents=True, exist_ok=True)
    if main:
        config = {"architecture": architecture, "descriptor_dim": DESCRIPTOR_DIM, "descriptor": args.descriptor}
        (args.out / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    model = BUILDERS[architecture](DESCRIPTOR_DIM)
    if args.init:
        start_from(model, load(resolve(args.init) / "model.safetensors"))
    model = model.to(memory_format=torch.channels_last)
    # Paper says Adan, lr 1e-3, weight decay 1e-4, 10 epochs of warm-up, cosine
    optimizer = Adan(model.parameters(), lr=args.lr, weight_decay=1e-4)
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(args.ema), use_buffers=True)
    checkpoint = args.out / "checkpoint"
    state = load_checkpoint(checkpoint, {"model": model, "average": average}, optimizer) or {
        "step": 0, "best": None, "curve": [], "seconds": 0.0,
    }  # fmt: skip
    if state["best"] and state["best"].get("n") != len(validation):
        state["best"] = None  # its figures are of other validation images
    model, optimizer = accelerator.prepare(model, optimizer)
    average = average.to(accelerator.device)
    sampler = CropSampler(
        training, args.crop, args.seed + 1000 * accelerator.process_index + state["step"], augment=args.augment
    )
    rng = np.random.default_rng(args.seed + state["step"])
    started, first, losses = time.monotonic(), state["step"], []
    before = state["seconds"]

    while state["step"] < args.steps:
        step = state["step"]
        for group in optimizer.param_groups:
            group["lr"] = args.lr * learning_rate_factor(step, args.steps, args.warmup)
        image, truth, numbers = sampler.batch(args.batch)
        keep = torch.from_numpy(rng.random(args.batch) >= TEXT_DROP[args.language]).float()[:, None]
        descriptor = image_td[numbers] + keep * text_td[numbers]
        model.train()
        with accelerator.autocast():
            fused, sides = model(image.to(accelerator.device), descriptor.to(accelerator.device))
        loss = lgnet_loss(fused, sides, truth.to(accelerator.device))
        accelerator.backward(loss)
        accelerator.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        average.update_parameters(accelerator.unwrap_model(model))
        losses.append(loss.item())
        state["step"] = step = step + 1
        state["seconds"] = before + time.monotonic() - started
        if main and (step % 20 == 0 or step == args.steps):
            left = (time.monotonic() - started) / (step - first) * (args.steps - step) / 60
            print(f"step {step}/{args.steps}  loss {np.mean(losses[-20:]):.4f}  {left:.1f} min left", flush=True)
        if main and (step % args.every == 0 or step == args.steps):
            engine = TorchEngine(average.module)
            both = args.language == "both"
            figures = evaluate_samples(engine, validation, encoder, language=both) if validation else {}
            point = {"step": step, "loss": float(np.mean(losses)), **figures}
            state["curve"].append(point)
            losses.clear()
            if not validation or state["best"] is None or figures["iou"] >= state["best"]["iou"]:
                state["best"] = point
                save_file(served_weights(average.module), args.out / "model.safetensors")
            print(" ".join(f"{k} {v:.4g}" for k, v in point.items()), flush=True)
            save_checkpoint(
                checkpoint, {"model": accelerator.unwrap_model(model), "average": average}, optimizer, state
            )
    accelerator.wait_for_everyone()
    metrics = {
        "data": [str(folder.name) for folder in args.data],
        "revisions": {f.name: read_revision(f).revision for f in args.data if (f / "manifest.json").is_file()},
        "training_images": len(training),
        "validation_images": len(validation),
        "architecture": architecture,
        "language": args.language,
        "augment": args.augment,
        "seed": args.seed,
        "descriptor": args.descriptor,
        "init": args.init,
        "steps": args.steps,
        "batch": args.batch,
        "crop": args.crop,
        "processes": accelerator.num_processes,
        "seconds": round(state["seconds"]),
        "best": state["best"],
        "curve": state["curve"],
    }
    if main:
        finish(args.out, metrics, training, encoder)
    return metrics


def finish(out: Path, metrics: dict[str, Any], training: list[Sample], encoder: TextImageEncoder | None) -> None:
    """Write what follows from a finished run: metrics.json, curves.png, and the ranges of 8-bit serving."""
    (out / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    draw_curves(metrics["curve"], out / "curves.png")
    model = BUILDERS[metrics["architecture"]](DESCRIPTOR_DIM)
    if isinstance(model, LGNet):
        model.load_state_dict(load(out / "model.safetensors"))
        chosen = spread(training, CALIBRATION)
        save_ranges(out, activation_ranges(model.to(device()), chosen, encoder), len(chosen))
    print(f"weights, metrics and curves are in {out}")


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.train", description="Train LGNet on masks; resumable.")
    p.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR",
                   help="exported revisions, or folders of images/, masks/ and trainval.txt or train.txt")  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("runs/lgnet"), help="run folder (default: runs/lgnet)")
    p.add_argument("--init", metavar="NAME",
                   help="start from the layers that fit of bundled/lgnet, a run folder or a Hub id")  # fmt: skip
    p.add_argument("--descriptor", default="bundled/tclip", metavar="NAME",
                   help='text-image encoder behind the target descriptor, or "none"')  # fmt: skip
    p.add_argument("--language", default="training", choices=list(TEXT_DROP),
                   help="when words reach the network: never, in half of training, or also in test")  # fmt: skip
    p.add_argument("--architecture", default="lgnet", choices=list(BUILDERS), help="rows of the ablation table")
    p.add_argument("--augment", default="ours", choices=("ours", "paper"), help="how crops are drawn")
    p.add_argument("--steps", type=int, default=3000)
    p.add_argument("--warmup", type=int, default=100, help="steps of linear warm-up")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--crop", type=int, default=128, help="side of the training crops in pixels")
    p.add_argument("--lr", type=float, default=1e-3)
    p.add_argument("--ema", type=float, default=0.99, help="decay of the averaged weights that are kept")
    p.add_argument("--every", type=int, default=250, help="steps between validations and checkpoints")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--toy", action="store_true", help="a 20 k-parameter network, to try the path in seconds")
    return p


if __name__ == "__main__":
    cli.run(parser(), train)
