"""Semantic cropping: the common field of view of an infrared and a visible image, found from the objects in both.

IR-TD crops pairs whose fields of view differ by the places of the labelled objects (arXiv 2507.14449, 3.1). Objects
need no correspondence: every pair of boxes of one category proposes a map, the map that explains most boxes wins and
is fitted to them by least squares. `python -m core.data.cropping` measures it against RoadScene's published maps.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from core.cli import run
from core.data.readers import roadscene
from core.data.records import Box
from core.errors import InputError

OVERLAP = 0.5  # least intersection over union of a mapped box and its object
SCALES = (0.25, 4.0)
EDGE = 2.0  # pixels; sides nearer to the border are cut off and tell nothing
Size = tuple[int, int]  # W, H
Window = tuple[int, int, int, int]  # left, top, right, bottom, pixels


@dataclass(frozen=True)
class View:
    """Visible pixel -> infrared pixel, axis by axis: x' = scale[0] x + offset[0]. `objects`: how many boxes agree."""

    scale: tuple[float, float]
    offset: tuple[float, float]
    objects: int
    residual: float  # mean distance between mapped and labelled sides, pixels

    def map(self, xyxy: Sequence[float]) -> np.ndarray:
        """A visible box (4,) in infrared pixels."""
        return np.asarray(xyxy) * np.tile(self.scale, 2) + np.tile(self.offset, 2)

    def crops(self, infrared: Size, visible: Size) -> tuple[Window, Window] | None:
        """The windows (left, top, right, bottom) of both images that show the same; None when they share nothing."""
        window = _whole(self.map((0, 0, *visible)), infrared)
        if window[2] - window[0] < 16 or window[3] - window[1] < 16:
            return None
        return window, _whole((np.array(window) - np.tile(self.offset, 2)) / np.tile(self.scale, 2), visible)


def _whole(xyxy: np.ndarray, size: Size) -> Window:
    """A box as whole pixels inside an image."""
    left, top, right, bottom = (int(np.clip(round(v), 0, n)) for v, n in zip(xyxy, size * 2, strict=True))
    return left, top, right, bottom


def common_view(infrared: Sequence[Box], visible: Sequence[Box], sizes: tuple[Size, Size]) -> View | None:
    """The map from the visible to the infrared image by their boxes; None where too few objects agree on one.

    At least two must, and more than half of the boxes of the image that has fewer. `sizes`: of the infrared and of the
    visible image.
    """
    best: tuple[float, list[tuple[Box, Box]]] = (0.0, [])
    for there, here in product(infrared, visible):
        if there.category == here.category and (view := _fit([(there, here)], sizes)):
            pairs, score = _agreeing(view, infrared, visible)
            if score > best[0]:
                best = (score, pairs)
    for _ in range(3):  # boxes that the fit brings in or drives out
        view = _fit(best[1], sizes) if len(best[1]) > 1 else None
        if view is None:
            return None
        pairs, score = _agreeing(view, infrared, visible)
        if score <= best[0]:
            break
        best = (score, pairs)
    return _fit(best[1], sizes) if 2 * len(best[1]) > min(len(infrared), len(visible)) else None


def _agreeing(view: View, infrared: Sequence[Box], visible: Sequence[Box]) -> tuple[list[tuple[Box, Box]], float]:
    """Pairs of boxes that the map lays on each other, each box once, and the sum of their overlaps."""
    there, here = (np.array([box.xyxy for box in boxes]) for boxes in (infrared, visible))
    overlaps = _overlaps(there, here * np.tile(view.scale, 2) + np.tile(view.offset, 2))
    found = sorted(
        ((float(overlaps[i, v]), int(i), int(v)) for i, v in np.argwhere(overlaps >= OVERLAP)
         if infrared[i].category == visible[v].category),
        reverse=True,
    )  # fmt: skip
    pairs, total, used = [], 0.0, set[tuple[str, int]]()
    for iou, i, v in found:
        if not {("i", i), ("v", v)} & used:
            used |= {("i", i), ("v", v)}
            pairs.append((infrared[i], visible[v]))
            total += iou
    return pairs, total


def _fit(pairs: Sequence[tuple[Box, Box]], sizes: tuple[Size, Size]) -> View | None:
    """Least squares over the sides that neither image cuts off; None when they don't fix a plausible map."""
    scale, offset, errors = [], [], []
    for axis in (0, 1):
        sides = [
            (here.xyxy[side], there.xyxy[side])
            for there, here in pairs
            for side in (axis, axis + 2)
            if all(EDGE < box.xyxy[side] < size[axis] - EDGE for box, size in zip((there, here), sizes, strict=True))
        ]
        x, y = np.array(sides).reshape(-1, 2).T
        if len(x) < 2 or np.ptp(x) < 4:
            return None
        around = x - x.mean()
        slope = float(around @ y / (around @ around))
        start = float(y.mean() - slope * x.mean())
        if not SCALES[0] <= slope <= SCALES[1]:
            return None
        scale.append(slope)
        offset.append(start)
        errors += list(np.abs(slope * x + start - y))
    return View((scale[0], scale[1]), (offset[0], offset[1]), len(pairs), float(np.mean(errors)))


def _overlaps(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Intersection over union (N, M) of all boxes (N, 4) with all boxes (M, 4)."""
    corners = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    shared = np.prod(np.maximum(corners, 0), axis=2)
    areas = [np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) for boxes in (first, second)]
    return shared / np.maximum(areas[0][:, None] + areas[1] - shared, 1e-9)


def alignment_error(view: View, affine: np.ndarray, visible: Size) -> float:
    """Mean distance in infrared pixels between a map and the true affine one (2, 3) over a 9 x 9 grid of the image."""
    x, y = (grid.ravel() for grid in np.meshgrid(*(np.linspace(0, side, 9) for side in visible)))
    true = affine @ np.stack([x, y, np.ones_like(x)])  # (2, 81)
    ours = np.stack([x * view.scale[0] + view.offset[0], y * view.scale[1] + view.offset[1]])
    return float(np.linalg.norm(true - ours, axis=0).mean())


def jittered(boxes: Sequence[Box], sigma: float, dropped: float, rng: np.random.Generator) -> list[Box]:
    """Boxes as a second annotator might draw them: sides off by `sigma` pixels, a share of the objects missed."""
    moved = []
    for box in boxes:
        if rng.random() >= dropped:
            x1, y1, x2, y2 = np.asarray(box.xyxy) + rng.normal(0, sigma, 4)
            if x2 > x1 and y2 > y1:
                moved.append(Box(box.category, (float(x1), float(y1), float(x2), float(y2))))
    return moved


def measure(data: Path, sigma: float, dropped: float, seed: int) -> dict[str, Any]:
    """The alignment error over RoadScene's pairs with at least two objects in both images.

    RoadScene's boxes on the visible crop were carried over by the published map itself, so without `sigma` the figure
    says how well two scales and offsets stand for an affine map, not how well people label.
    """
    from PIL import Image

    file = data / "roadscene" / "pair_to_frame_affine.json"
    if not file.is_file():
        raise InputError(f"{file} is missing; point --data at the folder that holds roadscene/.")
    truth = {row["id"]: np.array(row["affine_crop_to_full"]) for row in json.loads(file.read_text(encoding="utf-8"))}
    rng, errors, naive, failed = np.random.default_rng(seed), [], [], 0
    for pair in roadscene(data):
        if len(pair.visible_boxes) < 2 or pair.visible is None:
            continue
        with Image.open(pair.visible) as opened:
            size = opened.size
        seen = jittered(pair.visible_boxes, sigma, dropped, rng) if sigma or dropped else pair.visible_boxes
        view = common_view(pair.boxes, seen, ((pair.width, pair.height), size))
        affine = truth[pair.id.split("/")[1]]
        stretched = View((pair.width / size[0], pair.height / size[1]), (0.0, 0.0), 0, 0.0)
        naive.append(alignment_error(stretched, affine, size))
        if view is None:
            failed += 1
        else:
            errors.append(alignment_error(view, affine, size))
    quantiles = dict(zip(("median", "p90", "worst"), map(float, np.quantile(errors, [0.5, 0.9, 1])), strict=True))
    return {"pairs": len(errors) + failed, "without_map": failed, "sigma": sigma, "dropped": dropped, "seed": seed,
            "error_px": {name: round(value, 2) for name, value in quantiles.items()},
            "error_px_without_cropping": round(float(np.median(naive)), 2)}  # fmt: skip


def command(args: argparse.Namespace) -> dict[str, Any]:
    result = measure(args.data, args.sigma, args.dropped, args.seed)
    print(f"{result['pairs']} pairs, {result['without_map']} without a map; alignment error in infrared pixels: "
          f"{result['error_px']}; both images stretched over each other instead: median "
          f"{result['error_px_without_cropping']}")  # fmt: skip
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.cropping", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds roadscene/")
    parser.add_argument("--sigma", type=float, default=0.0, help="noise on the visible boxes' sides, pixels")
    parser.add_argument("--dropped", type=float, default=0.0, help="share of the visible boxes left out")
    parser.add_argument("--seed", type=int, default=0)
    run(parser, command)


if __name__ == "__main__":
    main()
