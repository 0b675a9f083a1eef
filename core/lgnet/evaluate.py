"""Evaluate LGNet on a folder of images and masks, at native resolution or with `--size` at an input size.

python -m core.lgnet.evaluate --images DIR --masks DIR [--ids FILE] [--model NAME | --method top-hat|local-contrast]
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core import cli
from core.errors import InputError
from core.lgnet.dataset import Sample, read_ids, read_pairs, read_scene_prompts, resized
from core.lgnet.descriptor import TargetDescriptor, TextImageEncoder
from core.lgnet.engine import Engine
from core.lgnet.inference import probability_map
from core.lgnet.metrics import SegmentationMetrics
from core.weights import resolve


def measure(method: Callable[[Sample], np.ndarray], samples: Iterable[Sample]) -> dict[str, Any]:
    """Figures of a method that turns a sample into a boolean mask."""
    metrics = SegmentationMetrics()
    for sample in samples:
        metrics.add(method(sample), sample.mask)
    return metrics.result()


def evaluate_samples(
    engine: Engine,
    samples: Iterable[Sample],
    encoder: TextImageEncoder | None,
    threshold: float = 0.5,
    language: bool = False,
) -> dict[str, Any]:
    """Figures of an engine on samples; target descriptors from the image alone, or with the samples' words too."""
    descriptor = TargetDescriptor(encoder)

    def mask(sample: Sample) -> np.ndarray:
        td = descriptor(sample.image, sample.text if language else "")
        return probability_map(engine, sample.image.unit01(), td) > threshold

    return measure(mask, samples)


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    size = None if args.size == "native" else int(args.size) if args.size.isdecimal() else 0
    if size is not None and not 32 <= size <= 2048:
        raise InputError(f'--size is "native" or a side of 32 to 2048 pixels, not {args.size}.')
    texts = read_scene_prompts(args.texts) if args.texts else {}
    samples: Iterable[Sample] = read_pairs(args.images, args.masks, read_ids(args.ids) if args.ids else None, texts)
    if size:
        samples = (resized(sample, size) for sample in samples)
    if args.method == "lgnet":
        from core.lgnet.calibrate import load_ranges
        from core.lgnet.engine import TorchEngine, fast_engine
        from core.lgnet.predictor import load_model

        model, encoder = load_model(args.model)
        if args.engine == "plain":
            engine: Engine = TorchEngine(model, half=False)
        else:
            engine = fast_engine(model, load_ranges(resolve(args.model)) if args.engine == "served" else None)
        result = evaluate_samples(engine, samples, encoder, args.threshold, language=bool(texts))
    else:
        from core.lgnet.filters import FILTERS, measure_filter

        result = measure_filter(FILTERS[args.method], samples)
    result["size"] = size or "native"
    print(
        f"{result['n']} images, {result['targets']} targets: IoU {result['iou']:.4f}  nIoU {result['niou']:.4f}  "
        f"Pd {result['pd']:.4f} (nearest {result['pd_nearest']:.4f})  Fa {result['fa'] * 1e6:.1f}e-6 "
        f"(published rule {result['fa_published'] * 1e6:.1f}e-6)  "
        f"frames with a false alarm {result['frames_with_false_alarm']:.1%}"
    )
    return result


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.evaluate", description=__doc__.splitlines()[0])
    p.add_argument("--images", type=Path, required=True, metavar="DIR")
    p.add_argument("--masks", type=Path, metavar="DIR", help="left out: every image is target-free")
    p.add_argument("--ids", type=Path, metavar="FILE", help="image ids, one a line; default: all images")
    p.add_argument("--model", default="bundled/lgnet", metavar="NAME")
    p.add_argument("--method", default="lgnet", choices=("lgnet", "top-hat", "local-contrast"),
                   help="a classical filter instead of the network")  # fmt: skip
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument("--size", default="native", metavar="SIDE",
                   help='"native", or resize image and mask to SIDE x SIDE pixels first')  # fmt: skip
    p.add_argument("--texts", type=Path, metavar="FILE",
                   help="what is known in words: lines of id, tab, sentence; left out: images alone")  # fmt: skip
    p.add_argument("--engine", default="served", choices=("served", "float", "plain"),
                   help="as the app serves it; the same without 8 bits; or float32 as trained")  # fmt: skip
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
