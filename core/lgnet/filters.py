"""Classical small-target filters, the baselines beside every figure of the network.

Each turns grey (H, W) in [0, 1] into a boolean mask. Their parameters were chosen by `python -m core.lgnet.filters`
on the SIRST training split; nothing here is learnt from a test split.
"""

import argparse
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import uniform_filter, white_tophat

from core import cli


def adaptive_threshold(response: np.ndarray, k: float, fraction: float, floor: float) -> np.ndarray:
    """Pixels above max(mean + k std, fraction of the maximum, floor) of the response."""
    limit = max(float(response.mean() + k * response.std()), fraction * float(response.max()), floor)
    return response > limit


def top_hat(image: np.ndarray, side: int = 9, k: float = 6.0, fraction: float = 0.4, floor: float = 0.06) -> np.ndarray:
    """White top-hat with a square of `side` pixels, then the adaptive threshold."""
    return adaptive_threshold(white_tophat(image, size=side), k, fraction, floor)


def local_contrast(
    image: np.ndarray, side: int = 5, k: float = 8.0, fraction: float = 0.3, floor: float = 0.002
) -> np.ndarray:
    """Multi-patch contrast (MPCM): product of opposite mean differences, the smallest of four directions.

    Source: Wei, You, Li, "Multiscale patch-based contrast measure", Pattern Recognition 2016; one scale.
    """
    mean = uniform_filter(image, side, mode="nearest")
    padded = np.pad(mean, side, mode="edge")
    h, w = image.shape

    def neighbour(dy: int, dx: int) -> np.ndarray:
        return padded[side + dy : side + dy + h, side + dx : side + dx + w]

    pairs = [(0, side), (side, 0), (side, side), (side, -side)]
    products = [(mean - neighbour(dy, dx)) * (mean - neighbour(-dy, -dx)) for dy, dx in pairs]
    brighter = np.minimum.reduce([mean - neighbour(s * dy, s * dx) for dy, dx in pairs for s in (1, -1)]) > 0
    return adaptive_threshold(np.minimum.reduce(products) * brighter, k, fraction, floor)


FILTERS: dict[str, Callable[..., np.ndarray]] = {"top-hat": top_hat, "local-contrast": local_contrast}
GRIDS: dict[str, dict[str, list]] = {
    "top-hat": {
        "side": [5, 7, 9, 11, 15],
        "k": [3.0, 6.0, 9.0],
        "fraction": [0.3, 0.4, 0.5, 0.6],
        "floor": [0.04, 0.08, 0.12],
    },
    "local-contrast": {
        "side": [3, 5, 7],
        "k": [3.0, 6.0, 9.0],
        "fraction": [0.1, 0.2, 0.3, 0.4],
        "floor": [0.0005, 0.002, 0.006],
    },
}


def tune(args: argparse.Namespace) -> dict[str, Any]:
    """Grid search on a training split; prints the parameters of the best IoU of each filter."""
    from core.lgnet.dataset import read_training_folder
    from core.lgnet.evaluate import measure

    samples = read_training_folder(args.data)
    chosen = {}
    for name, grid in GRIDS.items():
        best: tuple[float, dict] = (-1.0, {})
        for values in itertools.product(*grid.values()):
            parameters = dict(zip(grid, values, strict=True))
            intersection = union = 0
            for sample in samples:
                mask = FILTERS[name](sample.image.unit01(), **parameters)
                intersection += int((mask & sample.mask).sum())
                union += int((mask | sample.mask).sum())
            best = max(best, (intersection / union, parameters), key=lambda b: b[0])
        full = measure(lambda s, f=FILTERS[name], p=best[1]: f(s.image.unit01(), **p), samples)
        print(f"{name}: {best[1]}  training IoU {best[0]:.4f}  Pd {full['pd']:.4f}")
        chosen[name] = {"parameters": best[1], **full}
    return chosen


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.filters", description="Tune the classical filters.")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="a training folder, e.g. langir_sirst")
    return p


if __name__ == "__main__":
    cli.run(parser(), tune)
