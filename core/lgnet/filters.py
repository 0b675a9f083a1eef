"""Classical small-target filters, the baselines beside every figure of the network.

Each turns grey (H, W) in [0, 1] into a boolean mask. Their parameters were chosen by `python -m core.lgnet.filters`
on the SIRST training split; nothing here comes from a test split.
"""

import argparse
import itertools
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter, white_tophat

from core import cli
from core.lgnet.dataset import Sample, read_training_folder
from core.lgnet.evaluate import measure


def top_hat(image: np.ndarray, side: int) -> np.ndarray:
    """White top-hat with a square of `side` pixels: what is brighter than its surround and smaller than the square."""
    return white_tophat(image, size=side)


def local_contrast(image: np.ndarray, side: int) -> np.ndarray:
    """Multi-patch contrast (MPCM) at one scale, the patches `side` pixels wide.

    Product of opposite differences of patch means, the smallest of four directions, where the centre is the brighter.
    Source: Wei, You, Li, "Multiscale patch-based contrast measure", Pattern Recognition 58 (2016).
    """
    mean = uniform_filter(image, side, mode="nearest")
    padded = np.pad(mean, side, mode="edge")
    h, w = image.shape

    def above(dy: int, dx: int) -> np.ndarray:
        return mean - padded[side + dy : side + dy + h, side + dx : side + dx + w]

    directions = [(0, side), (side, 0), (side, side), (side, -side)]
    pairs = [(above(dy, dx), above(-dy, -dx)) for dy, dx in directions]
    brighter = np.minimum.reduce([np.minimum(a, b) for a, b in pairs]) > 0
    return np.minimum.reduce([a * b for a, b in pairs]) * brighter


def adaptive_threshold(response: np.ndarray, k: float, fraction: float, floor: float) -> np.ndarray:
    """Pixels above max(mean + k std, fraction of the maximum, floor) of the response."""
    return response > max(float(response.mean() + k * response.std()), fraction * float(response.max()), floor)


def apply(response: Callable[..., np.ndarray], image: np.ndarray, side: int, **threshold: float) -> np.ndarray:
    """Mask of a filter: its response, thresholded."""
    return adaptive_threshold(response(image, side), **threshold)


FILTERS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "top-hat": partial(apply, top_hat, side=11, k=10.0, fraction=0.3, floor=0.08),
    "local-contrast": partial(apply, local_contrast, side=7, k=15.0, fraction=0.2, floor=0.001),
}
THRESHOLDS = list(itertools.product([6.0, 10.0, 15.0, 20.0, 30.0], [0.2, 0.3, 0.4, 0.5]))  # k, fraction
# filter -> (response, sides, floors)
GRIDS: dict[str, tuple[Callable[..., np.ndarray], list[int], list[float]]] = {
    "top-hat": (top_hat, [7, 9, 11, 15, 21], [0.04, 0.08, 0.12, 0.16, 0.2]),
    "local-contrast": (local_contrast, [3, 5, 7, 9], [0.0005, 0.001, 0.002, 0.004, 0.008]),
}


def measure_filter(method: Callable[[np.ndarray], np.ndarray], samples: Iterable[Sample]) -> dict[str, Any]:
    """Figures of a filter on samples."""
    return measure(lambda sample: method(sample.image.unit01()), samples)


def tune(args: argparse.Namespace) -> dict[str, Any]:
    """Grid search on a training split for the best IoU of each filter."""

    samples = read_training_folder(args.data)
    chosen = {}
    for name, (response, sides, floors) in GRIDS.items():
        thresholds = [(k, fraction, floor) for k, fraction in THRESHOLDS for floor in floors]
        overlap = {(side, t): np.zeros(2) for side in sides for t in thresholds}  # intersection, union
        for sample in samples:
            for side in sides:
                answer = response(sample.image.unit01(), side)
                for t in thresholds:
                    mask = adaptive_threshold(answer, *t)
                    overlap[side, t] += (mask & sample.mask).sum(), (mask | sample.mask).sum()
        side, (k, fraction, floor) = max(overlap, key=lambda c: overlap[c][0] / overlap[c][1])
        best = {"side": side, "k": k, "fraction": fraction, "floor": floor}
        method = partial(apply, response, side=side, k=k, fraction=fraction, floor=floor)
        figures = measure_filter(method, samples)
        print(f"{name}: {best}  IoU {figures['iou']:.4f}  Pd {figures['pd']:.4f} on {len(samples)} training images")
        chosen[name] = {"parameters": best, **figures}
    return chosen


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.filters", description="Tune the classical filters.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="a training folder, e.g. langir_sirst")
    return p


if __name__ == "__main__":
    cli.run(parser(), tune)
