"""Images and masks for LGNet: mask folders of the LangIR layout and exported revisions, and crops for training.

S crop side in pixels, B batch.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from core.data.revisions import read_revision
from core.errors import InputError
from core.thermal import ThermalImage, read_thermal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
VALIDATION_SHARE = 10  # every tenth training image, in the order of a fixed hash, is held out
TARGET_SHARE = 0.65  # of the crops of an image with targets are laid around one


@dataclass(frozen=True)
class Sample:
    """One image with its mask; `text` is what is known in words, `source` the folder that it came from."""

    id: str
    image: ThermalImage
    mask: np.ndarray  # bool (H, W)
    text: str = ""
    source: str = ""


def read_ids(path: Path) -> list[str]:
    """Image ids, one a line."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def find_mask(masks: Path, image_id: str) -> Path | None:
    """The mask of an image: `ID.*` or `ID-pixels0.*` / `ID_pixels0.*` (the names that the public sets use)."""
    for stem in (image_id, f"{image_id}-pixels0", f"{image_id}_pixels0"):
        for suffix in IMAGE_SUFFIXES:
            if (path := masks / f"{stem}{suffix}").is_file():
                return path
    return None


def find_images(folder: Path) -> dict[str, Path]:
    """Image files of a folder by id (name without suffix), sorted."""
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder; give the folder that holds the images.")
    found = {p.stem: p for p in sorted(folder.iterdir()) if p.suffix.lower() in IMAGE_SUFFIXES}
    if not found:
        raise InputError(f"{folder} holds no image ({', '.join(IMAGE_SUFFIXES)}).")
    return found


def read_pairs(images: Path, masks: Path | None, ids: Sequence[str] | None = None) -> Iterator[Sample]:
    """Samples of an image and a mask folder, lazily; without a mask folder every mask is empty.

    Raises:
        InputError: an id without image, an image without mask, or a pair of unequal size.
    """
    found = find_images(images)
    for image_id in ids if ids is not None else found:
        if image_id not in found:
            raise InputError(f"No image for id '{image_id}' in {images}; check the id list.")
        image = read_thermal(found[image_id])
        mask = np.zeros((image.height, image.width), bool)
        if masks is not None:
            path = find_mask(masks, image_id)
            if path is None:
                raise InputError(f"No mask for '{image_id}' in {masks}; masks are named ID.png or ID-pixels0.png.")
            mask = read_thermal(path).pixels > 127
            if mask.shape != image.pixels.shape:
                raise InputError(f"{path.name} is {mask.shape}, its image {image.pixels.shape}; sizes must be equal.")
        yield Sample(image_id, image, mask)


def read_training_folder(folder: Path) -> list[Sample]:
    """Training samples of one folder: an exported revision, or `images/` + `masks/` with trainval.txt or train.txt.

    A folder of images alone (or without masks) gives empty masks: target-free backgrounds, first half by name only,
    because the second half of the public background set is a test.
    """
    name = folder.name
    if (folder / "manifest.json").is_file():
        rows = read_revision(folder).rows
        return [Sample(r.id, read_thermal(r.image, name=r.id), r.mask, r.caption_global, name) for r in rows]
    if (folder / "masks").is_dir():
        listing = next((folder / n for n in ("trainval.txt", "train.txt") if (folder / n).is_file()), None)
        texts = read_scene_prompts(folder / "scene_prompts.tsv")
        pairs = read_pairs(folder / "images", folder / "masks", read_ids(listing) if listing else None)
        return [Sample(f"{name}/{s.id}", s.image, s.mask, texts.get(s.id, ""), name) for s in pairs]
    ids = list(find_images(folder))
    return [
        Sample(f"{name}/{s.id}", s.image, s.mask, source=name) for s in read_pairs(folder, None, ids[: len(ids) // 2])
    ]


def read_scene_prompts(path: Path) -> dict[str, str]:
    """id -> sentence of a two-column TSV file; empty where there is none."""
    if not path.is_file():
        return {}
    rows = (line.split("\t", 1) for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line)
    return {image_id: text.strip() for image_id, text in rows}


def split_validation(samples: list[Sample], seed: int = 0) -> tuple[list[Sample], list[Sample]]:
    """(training, validation) part by a hash of the id, so that it depends on neither order nor other samples."""

    def held_out(sample: Sample) -> bool:
        return hashlib.sha256(f"{seed}:{sample.id}".encode()).digest()[0] % VALIDATION_SHARE == 0

    return [s for s in samples if not held_out(s)], [s for s in samples if held_out(s)]


class CropSampler:
    """Random augmented crops around targets and elsewhere, from images kept in memory.

    Each source folder is drawn with equal probability, so that a small real set is not drowned by a large
    synthetic one; target-free sources share `background_share`.
    """

    def __init__(self, samples: list[Sample], side: int, seed: int, background_share: float = 0.1) -> None:
        self.side, self.rng = side, np.random.default_rng(seed)
        self.samples = samples
        counts = Counter(s.source for s in samples)
        with_targets = {s.source for s in samples if s.mask.any()}
        empty = len(counts) - len(with_targets)
        share = {  # of a source folder
            source: (1 - background_share) / len(with_targets) if source in with_targets else background_share / empty
            for source in counts
        }
        weights = np.array([share[s.source] / counts[s.source] for s in samples])
        self.weights = weights / weights.sum()

    def batch(self, size: int) -> tuple[Tensor, Tensor, list[int]]:
        """(images (B, 1, S, S) in [0, 1], masks (B, 1, S, S) of 0/1, sample numbers)."""
        numbers = self.rng.choice(len(self.samples), size=size, p=self.weights)
        crops = [self._crop(self.samples[i]) for i in numbers]
        return torch.stack([c[0] for c in crops]), torch.stack([c[1] for c in crops]), numbers.tolist()

    def _crop(self, sample: Sample) -> tuple[Tensor, Tensor]:
        rng, side = self.rng, self.side
        scale = float(np.exp(rng.uniform(np.log(0.7), np.log(1.5))))
        window = max(8, round(side / scale))  # pixels of the original that fill the crop
        image = torch.from_numpy(sample.image.unit01())[None]
        mask = torch.from_numpy(sample.mask.astype(np.float32))[None]
        h, w = sample.mask.shape
        pad = (0, max(0, window - w), 0, max(0, window - h))
        image, mask = F.pad(image[None], pad, mode="replicate")[0], F.pad(mask, pad)
        h, w = mask.shape[1:]
        ys, xs = np.nonzero(sample.mask)
        if len(ys) and rng.random() < TARGET_SHARE:
            k = rng.integers(len(ys))
            top = int(np.clip(ys[k] - rng.integers(window), 0, h - window))
            left = int(np.clip(xs[k] - rng.integers(window), 0, w - window))
        else:
            top, left = int(rng.integers(h - window + 1)), int(rng.integers(w - window + 1))
        image = image[:, top : top + window, left : left + window]
        mask = mask[:, top : top + window, left : left + window]
        if window != side:
            image = F.interpolate(image[None], (side, side), mode="bilinear", align_corners=False)[0]
            # centre-aligned: labels half a pixel off are learnt by the network
            mask = F.interpolate(mask[None], (side, side), mode="nearest-exact")[0]
        turns = int(rng.integers(4))
        image, mask = torch.rot90(image, turns, (1, 2)), torch.rot90(mask, turns, (1, 2))
        if rng.random() < 0.5:
            image, mask = image.flip(2), mask.flip(2)
        gain, offset = float(np.exp(rng.normal(0, 0.15))), float(rng.normal(0, 0.05))
        image = (image * gain + offset + torch.randn(image.shape) * float(rng.uniform(0, 0.015))).clamp(0, 1)
        return image, mask
