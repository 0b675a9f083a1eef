"""IoU, nIoU, Pd and Fa as in the field's scripts, and Fa without their quirk (arXiv 2507.13113, Eq. 5-8)."""

from dataclasses import dataclass, field

import numpy as np
from skimage.measure import label, regionprops

MATCH_DISTANCE = 3.0  # pixels between centroids, not scaled with the image: the field's rule


@dataclass
class SegmentationMetrics:
    """Sums over a test set; `add` each image, then read `result`.

    - iou: intersection over union of all pixels of the set.
    - niou: mean over images of their own IoU; an empty truth with an empty prediction scores 0, as in the field.
    - pd: found targets / targets; a target is found by the first (not the nearest) unused predicted region
      whose centroid is closer than 3 px.
    - pd_nearest: the same, but pairs are made from the nearest to the farthest; no order of regions can change it.
    - fa: pixels of unmatched predicted regions / all pixels.
    - fa_published: the field's script compares area *values*, so that an unmatched region as large as a matched
      one is not counted; a lower bound.
    """

    intersection: int = 0
    union: int = 0
    image_ious: list[float] = field(default_factory=list)
    targets: int = 0
    found: int = 0
    found_nearest: int = 0
    false_pixels: int = 0
    false_pixels_published: int = 0
    pixels: int = 0
    images_with_false_alarm: int = 0

    def add(self, prediction: np.ndarray, truth: np.ndarray) -> None:
        """Count one image; both masks are boolean (H, W) of equal size."""
        if prediction.shape != truth.shape:
            raise ValueError(f"prediction is {prediction.shape}, truth is {truth.shape}; resize one of them first")
        intersection = int((prediction & truth).sum())
        union = int((prediction | truth).sum())
        self.intersection += intersection
        self.union += union
        self.image_ious.append(intersection / (union + np.spacing(1)))
        self.pixels += truth.size
        remaining = list(regionprops(label(prediction, connectivity=2)))
        true_regions = regionprops(label(truth, connectivity=2))
        self.found_nearest += nearest_matches(
            np.array([r.centroid for r in true_regions]).reshape(-1, 2),
            np.array([r.centroid for r in remaining]).reshape(-1, 2),
        )
        matched_areas = []
        for region in true_regions:
            for i, candidate in enumerate(remaining):
                if np.hypot(*np.subtract(candidate.centroid, region.centroid)) < MATCH_DISTANCE:
                    matched_areas.append(remaining.pop(i).area)
                    break
        self.targets += len(true_regions)
        self.found += len(matched_areas)
        self.false_pixels += int(sum(r.area for r in remaining))
        self.false_pixels_published += int(sum(r.area for r in remaining if r.area not in matched_areas))
        self.images_with_false_alarm += bool(remaining)

    def result(self) -> dict[str, float | int]:
        """Figures of everything added so far; rates are 0 where nothing could be counted."""
        n = len(self.image_ious)
        return {
            "n": n,
            "iou": self.intersection / max(self.union, 1),
            "niou": float(np.mean(self.image_ious)) if n else 0.0,
            "pd": self.found / max(self.targets, 1),
            "pd_nearest": self.found_nearest / max(self.targets, 1),
            "fa": self.false_pixels / max(self.pixels, 1),
            "fa_published": self.false_pixels_published / max(self.pixels, 1),
            "frames_with_false_alarm": self.images_with_false_alarm / max(n, 1),
            "targets": self.targets,
        }


def nearest_matches(targets: np.ndarray, regions: np.ndarray) -> int:
    """Number of one-to-one pairs closer than MATCH_DISTANCE, nearest pair first; centroids (T, 2) and (R, 2)."""
    distance = np.linalg.norm(targets[:, None] - regions[None], axis=2)  # (T, R)
    matches = 0
    while distance.size and distance.min() < MATCH_DISTANCE:
        target, region = np.unravel_index(distance.argmin(), distance.shape)
        distance[target], distance[:, region] = np.inf, np.inf
        matches += 1
    return matches
