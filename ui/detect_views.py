"""What Detect shows of one result: pictures, sentences, table and files. No model runs here."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from core.errors import InputError
from core.lgnet.metrics import SegmentationMetrics
from core.palettes import colorize, draw_boxes, overlay
from core.thermal import ThermalImage, read_thermal
from ui import images

NUMBERED = 40  # targets framed and numbered in the picture, and zoomed on; the mask and the table show all
ZOOM_SIDE = 32  # pixels of the image in a zoom
ZOOM_TIMES = 8
TRUTH_COLOUR = "#a3e635"  # lime, beside the cyan of what the model found


@dataclass(frozen=True, eq=False)
class Found:
    """What the model said about one image; every redraw starts from it. Maps are float32 (H, W) in [0, 1]."""

    image: ThermalImage
    probability: np.ndarray
    without_words: np.ndarray | None = None  # the same without the description, where one was given
    truth: np.ndarray | None = None  # bool (H, W), where a ground truth was given


class Drawn(NamedTuple):
    """Values of the result's components, in their order on the page."""

    picture: str
    summary: str
    rows: list[list[Any]]
    mask_file: str
    table_file: str
    pair: tuple[str, str]
    pair_note: str
    zooms: list[tuple[str, str]]


def draw(found: Found, palette: str, threshold: float) -> Drawn:
    """Everything that is shown of a result at a threshold. No model runs."""
    from core.lgnet.predictor import segment

    result = segment(found.probability, threshold)
    stem = Path(found.image.name).stem
    plain = colorize(found.image.view8(), palette)
    marked = overlay(plain, result.mask)
    picture = overlay(images.enlarged(plain), images.enlarged(result.mask))
    scale = picture.shape[1] / found.image.width
    boxes, labels, zooms = [], [], []
    for number, target in enumerate(result.targets[:NUMBERED], 1):
        x, y = ((value + 0.5) * scale for value in target.centroid_xy)
        reach = max(14.0, (target.area_px**0.5 / 2 + 3) * scale)
        boxes.append((x - reach, y - reach, x + reach, y + reach))
        labels.append(str(number))
        zoom = images.png_file(zoomed(marked, target.centroid_xy), f"{stem}_target_{number}.png")
        zooms.append((zoom, f"{number} · {target.area_px} px · {target.score:.2f}"))
    rows = [
        [number, round(target.centroid_xy[0], 1), round(target.centroid_xy[1], 1), target.area_px,
         round(target.score, 3), target.region]
        for number, target in enumerate(result.targets, 1)
    ]  # fmt: skip
    table = {"image": found.image.name, "threshold": threshold, "targets": [asdict(t) for t in result.targets]}
    shown = images.png_file(draw_boxes(picture, boxes, labels), f"{stem}_targets.png")
    left, note = _other_side(found, plain, threshold)
    return Drawn(
        shown,
        " ".join(_sentences(found, result.mask, len(rows), threshold)),
        rows,
        images.png_file(result.mask, f"{stem}_mask.png"),
        images.download(json.dumps(table, indent=2).encode(), f"{stem}_targets.json"),
        (images.png_file(left, f"{stem}_before.png"), shown),
        note,
        zooms,
    )


def zoomed(rgb: np.ndarray, centre_xy: tuple[float, float]) -> np.ndarray:
    """uint8 (256, 256, 3): ZOOM_SIDE pixels around a point, enlarged by whole pixels; black beyond the image."""
    half = ZOOM_SIDE // 2
    padded = np.pad(rgb, ((half, half), (half, half), (0, 0)))
    x, y = (round(value) for value in centre_xy)
    return padded[y : y + ZOOM_SIDE, x : x + ZOOM_SIDE].repeat(ZOOM_TIMES, axis=0).repeat(ZOOM_TIMES, axis=1)


def truth_mask(path: str, image: ThermalImage) -> np.ndarray:
    """The uploaded ground truth, bool (H, W).

    Raises:
        InputError: it can't be read, or is of another size than the image.
    """
    mask = read_thermal(path)
    if mask.size != image.size:
        raise InputError(
            f"'{mask.name}' is {mask.width} × {mask.height} px, the image {image.width} × {image.height} px: "
            "give a mask of the image's size."
        )
    return mask.view8() > 127


def _other_side(found: Found, plain: np.ndarray, threshold: float) -> tuple[np.ndarray, str]:
    """(left picture of the slider, what stands left and right): truth, the answer without words, or the image."""
    large = images.enlarged(plain)
    if found.truth is not None:
        return overlay(large, images.enlarged(found.truth), TRUTH_COLOUR), "Left: ground truth. Right: what was found."
    if found.without_words is not None:
        mask = images.enlarged(found.without_words > threshold)
        return overlay(large, mask), "Left: without your words. Right: with them."
    return large, "Left: the image. Right: what was found."


def _sentences(found: Found, mask: np.ndarray, count: int, threshold: float) -> list[str]:
    said = [f"**{count} target{'s' * (count != 1)}** at threshold {threshold:.2f}" + "." * bool(count)]
    if not count:
        said[0] += ". Lower the threshold to see fainter ones."
    if found.without_words is not None:
        before = found.without_words > threshold
        added, removed = int((mask & ~before).sum()), int((before & ~mask).sum())
        change = f"added {added} px and removed {removed} px" if added or removed else "changed no pixel"
        said.append(f"Your words {change} at this threshold.")
    if found.truth is not None:
        metrics = SegmentationMetrics()
        metrics.add(mask, found.truth)
        figures = metrics.result()
        said.append(
            f"Against the ground truth: IoU **{figures['iou']:.3f}**, **{metrics.found} of {metrics.targets}** targets "
            f"found, {metrics.false_pixels} px of false alarms ({figures['fa'] * 1e6:.0f} per million)."
        )
    return said
