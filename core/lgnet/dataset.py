"""Images and masks for LGNet: mask folders of the LangIR layout and exported revisions."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from core.data.revisions import read_revision
from core.errors import InputError
from core.langir.layout import read_descriptions
from core.thermal import ThermalImage, from_array, read_thermal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
EMPTY_SIDE = 192  # pixels; of the part without labelled objects that a frame with boxes gives as a negative
VALIDATION_SHARE = 10  # every tenth training image, in the order of a fixed hash, is held out


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


def read_pairs(
    images: Path, masks: Path | None, ids: Sequence[str] | None = None, texts: Mapping[str, str] | None = None
) -> Iterator[Sample]:
    """Samples of an image and a mask folder, lazily; without a mask folder every mask is empty. `texts` by id.

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
        yield Sample(image_id, image, mask, (texts or {}).get(image_id, ""))


def resized(sample: Sample, side: int) -> Sample:
    """The sample at side x side pixels: image bilinear, mask nearest with aligned centres."""
    view = torch.from_numpy(sample.image.unit01())[None, None] * 255
    image = F.interpolate(view, (side, side), mode="bilinear", align_corners=False)[0, 0].numpy()
    mask = F.interpolate(torch.from_numpy(sample.mask)[None, None].float(), (side, side), mode="nearest-exact")[0, 0]
    return replace(sample, image=from_array(image, name=sample.image.name), mask=mask.numpy() > 0)


def read_training_folder(folder: Path) -> list[Sample]:
    """Training samples of one folder: an exported revision, or `images/` + `masks/` with trainval.txt or train.txt.

    Words are a folder's descriptions (LangIR), else its scene prompts.
    A folder of `images/` and boxes (train.jsonl) gives one part a frame that holds no labelled object.
    A folder of images alone (or without masks) gives empty masks: target-free backgrounds, first half by name only,
    because the second half of the public background set is a test.
    """
    name = folder.name
    if (folder / "manifest.json").is_file():
        rows = read_revision(folder).rows
        return [Sample(r.id, read_thermal(r.image, name=r.id), r.mask, r.caption_global, name) for r in rows]
    if (folder / "masks").is_dir():
        listing = next((folder / n for n in ("trainval.txt", "train.txt") if (folder / n).is_file()), None)
        texts = read_scene_prompts(folder / "scene_prompts.tsv") | read_descriptions(folder)
        pairs = read_pairs(folder / "images", folder / "masks", read_ids(listing) if listing else None, texts)
        return [replace(s, id=f"{name}/{s.id}", source=name) for s in pairs]
    if (folder / "train.jsonl").is_file():
        return [replace(s, id=f"{name}/{s.id}", source=name) for s in read_empty_parts(folder)]
    ids = list(find_images(folder))
    return [
        Sample(f"{name}/{s.id}", s.image, s.mask, source=name) for s in read_pairs(folder, None, ids[: len(ids) // 2])
    ]


def read_empty_parts(folder: Path) -> Iterator[Sample]:
    """One part of EMPTY_SIDE pixels a frame, or of the frame's side, that touches no box; frames without one give none.

    Boxes: train.jsonl with "image" and "bbox_xywh", or "boxes" of such, in pixels.

    Raises:
        InputError: a line is no such record, or an image is missing or damaged.
    """
    for number, line in enumerate((folder / "train.jsonl").read_text(encoding="utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            path = folder / "images" / Path(row["image"]).name
            boxes = np.array([b["bbox_xywh"] for b in row.get("boxes", [row])], float).reshape(-1, 4)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise InputError(f'{folder.name}/train.jsonl, line {number}: needs "image" and "bbox_xywh".') from error
        image = read_thermal(path)
        side = min(EMPTY_SIDE, image.width, image.height)
        tops, lefts = (np.linspace(0, n - side, -(-n // side)).astype(int) for n in image.pixels.shape)
        x, y, w, h = boxes.T
        free = [
            (top, left)
            for top in tops
            for left in lefts
            if not np.any((x < left + side) & (x + w > left) & (y < top + side) & (y + h > top))
        ]
        if free:
            top, left = free[hashlib.sha256(row["image"].encode()).digest()[0] % len(free)]
            part = np.ascontiguousarray(image.pixels[top : top + side, left : left + side])
            yield Sample(path.stem, from_array(part, name=image.name), np.zeros((side, side), bool))


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
