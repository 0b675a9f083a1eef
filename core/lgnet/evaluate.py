"""Evaluate LGNet on a folder of images and masks, at native resolution.

python -m core.lgnet.evaluate --images DIR --masks DIR [--ids FILE] [--model NAME | --method top-hat|local-contrast]
"""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from core import cli
from core.lgnet.dataset import Sample, read_ids, read_pairs
from core.lgnet.descriptor import TextImageEncoder, target_descriptor
from core.lgnet.inference import probability_map
from core.lgnet.metrics import SegmentationMetrics
from core.lgnet.model import LGNet


def measure(method: Callable[[Sample], np.ndarray], samples: Iterable[Sample]) -> dict[str, Any]:
    """Figures of a method that turns a sample into a boolean mask."""
    metrics = SegmentationMetrics()
    for sample in samples:
        metrics.add(method(sample), sample.mask)
    return metrics.result()


def evaluate_samples(
    model: LGNet, samples: Iterable[Sample], encoder: TextImageEncoder | None, threshold: float = 0.5
) -> dict[str, Any]:
    """Figures of a model on samples, from image-only target descriptors."""

    def mask(sample: Sample) -> np.ndarray:
        descriptor = target_descriptor(encoder, sample.image) if encoder else None
        return probability_map(model, sample.image.unit01(), descriptor) > threshold

    return measure(mask, samples)


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    samples = read_pairs(args.images, args.masks, read_ids(args.ids) if args.ids else None)
    if args.method == "lgnet":
        from core.lgnet.predictor import LGNetPredictor

        predictor = LGNetPredictor.from_weights(args.model)
        result = measure(lambda s: predictor.probability(s.image) > args.threshold, samples)
    else:
        from core.lgnet.filters import FILTERS, measure_filter

        result = measure_filter(FILTERS[args.method], samples)
    result["size"] = "native"
    print(
        f"{result['n']} images, {result['targets']} targets: IoU {result['iou']:.4f}  nIoU {result['niou']:.4f}  "
        f"Pd {result['pd']:.4f}  Fa {result['fa'] * 1e6:.1f}e-6 (published rule {result['fa_published'] * 1e6:.1f}e-6)"
        f"  frames with a false alarm {result['frames_with_false_alarm']:.1%}"
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
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
