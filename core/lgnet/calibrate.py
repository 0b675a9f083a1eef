"""Activation ranges for 8-bit serving: python -m core.lgnet.calibrate --model RUN --data DIR...

Ranges come from training images only. They are kept beside the weights in int8.json with the weights' hash, so that
ranges of other weights are never used.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from core import cli
from core.errors import InputError
from core.lgnet.dataset import Sample, read_training_folder
from core.lgnet.descriptor import TargetDescriptor, TextImageEncoder
from core.lgnet.inference import TILE
from core.lgnet.model import ConvBNReLU
from core.weights import resolve, sha256

FILE = "int8.json"
# Stay in floating point: the first sees normalised pixels, which may be negative; the others are the ends of E1 and D1
# at the paper's size, where 256 steps cost most (docs/LOG.md). The lite size loses nothing in 8 bits.
FLOATING = ("encoders.0.stem", "encoders.0.down.0", "encoders.0.up.0", "decoders.4.up.0")


@torch.inference_mode()
def activation_ranges(
    model: nn.Module, samples: list[Sample], encoder: TextImageEncoder | None = None
) -> dict[str, float]:
    """Largest input of the convolutions of an LGNet that may run in 8 bits, over the samples, by module name."""
    model.eval()
    ranges: dict[str, float] = {}

    def watch(name: str):
        def seen(module: nn.Module, inputs: tuple) -> None:
            ranges[name] = max(ranges.get(name, 0.0), float(inputs[0].max()))

        return seen

    watched = [(n, m) for n, m in model.named_modules() if isinstance(m, ConvBNReLU) and n not in FLOATING]
    hooks = [module.register_forward_pre_hook(watch(name)) for name, module in watched]
    where, descriptor = next(model.parameters()).device, TargetDescriptor(encoder)
    try:
        for sample in samples:
            image = torch.from_numpy(sample.image.unit01()[:TILE, :TILE])[None, None].to(where)
            td = descriptor(sample.image)
            model(image, None if td is None else torch.from_numpy(td)[None].to(where))
    finally:
        for hook in hooks:
            hook.remove()
    return ranges


def spread(samples: list[Sample], count: int) -> list[Sample]:
    """At most `count` samples, evenly through the list."""
    return [samples[i] for i in np.unique(np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int))]


def save_ranges(folder: Path, ranges: dict[str, float], images: int) -> None:
    """Write int8.json beside model.safetensors."""
    content = {"weights": sha256(folder / "model.safetensors"), "images": images, "ranges": ranges}
    (folder / FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_ranges(folder: Path) -> dict[str, float] | None:
    """Ranges of a folder's weights; None where there are none, or where they belong to other weights."""
    if not (folder / FILE).is_file():
        return None
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return content["ranges"] if content["weights"] == sha256(folder / "model.safetensors") else None


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    from core.lgnet.predictor import load_model

    if args.images < 1:
        raise InputError("--images must be at least 1.")
    model, encoder = load_model(args.model)
    share = -(-args.images // len(args.data))
    samples = [s for folder in args.data for s in spread(read_training_folder(folder), share)]
    ranges = activation_ranges(model, samples, encoder)
    save_ranges(resolve(args.model), ranges, len(samples))
    print(f"{len(ranges)} ranges from {len(samples)} training images are in {resolve(args.model) / FILE}")
    return {"images": len(samples), "ranges": ranges}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.calibrate", description="Measure ranges for 8-bit serving.")
    p.add_argument("--model", default="bundled/lgnet", metavar="NAME")
    p.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR",
                   help="training folders, as for core.lgnet.train")  # fmt: skip
    p.add_argument("--images", type=int, default=48, help="training images, spread evenly over the folders")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
