"""One reader a data set: its published files -> `Record`s, with a validation part held out of every training part."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.records import Box, Record
from core.errors import InputError

HIT_UAV = {"Person": "person", "Car": "car", "Bicycle": "bicycle", "OtherVehicle": "other vehicle"}
FLIR = {1: "person", 2: "bicycle", 3: "car", 17: "dog"}


def decile(group: str) -> int:
    """0..9, fixed by the group's name alone (sha256), so no split ever moves when data is added."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10


def held_out(group: str, official: str) -> str:
    """The official split, but "val" for the tenth of the training groups whose decile is 0."""
    return "val" if official == "train" and decile(group) == 0 else official


def langir_sirst(root: Path) -> Iterator[Record]:
    """NUAA-SIRST in the LangIR layout; sequences aren't published, so every image is its own group."""
    yield from _masked(root / "langir_sirst", "trainval.txt", "-pixels0.png", "citation asked for (NUAA-SIRST)")


def nudt_sirst(root: Path) -> Iterator[Record]:
    """NUDT-SIRST, BasicIRSTD split; scenes aren't published, so every image is its own group."""
    yield from _masked(root / "nudt_sirst", "train.txt", ".png", "not stated (NUDT-SIRST)")


def _masked(folder: Path, train_list: str, mask_end: str, licence: str) -> Iterator[Record]:
    rows = (folder / "scene_prompts.tsv").read_text(encoding="utf-8").splitlines()
    prompts = dict(row.split("\t", 1) for row in rows if row)
    for official, listing in (("train", train_list), ("test", "test.txt")):
        for name in sorted((folder / listing).read_text(encoding="utf-8").split()):
            yield _record(folder.name, name, folder / "images" / f"{name}.png", licence, name, official,
                          mask=folder / "masks" / f"{name}{mask_end}",
                          scene={"prompt": prompts[name]} if name in prompts else {})  # fmt: skip


def sirst_backgrounds(root: Path) -> Iterator[Record]:
    """Real frames without a target: by sorted name the first 40 train, the last 40 test (data/README.md)."""
    for position, image in enumerate(sorted((root / "sirst_backgrounds").glob("*.jpg"))):
        official = "train" if position < 40 else "test"
        yield _record("sirst_backgrounds", image.stem, image, "citation asked for (open-sirst-v2)", image.stem,
                      official, scene={"targets": "none"})  # fmt: skip


def hit_uav(root: Path) -> Iterator[Record]:
    """HIT-UAV; a group is one flight setting, the first four fields of a name: time, altitude, angle, weather.

    `DontCare` boxes are dropped; `scene["dont_care"]` counts them, as objects near them may be unlabelled.
    """
    for official, row in _rows(root / "hit_uav"):
        stem = Path(row["image"]).stem
        boxes = tuple(_box(HIT_UAV[b["category"]], b["bbox_xywh"]) for b in row["boxes"] if b["category"] in HIT_UAV)
        scene = {key: str(row[key]) for key in ("time", "altitude_m", "camera_angle_deg")}
        if ignored := len(row["boxes"]) - len(boxes):
            scene["dont_care"] = str(ignored)
        yield _record("hit_uav", stem, root / "hit_uav" / "images" / row["image"], "CC BY 4.0",
                      "_".join(stem.split("_")[:4]), official, boxes=boxes, scene=scene)  # fmt: skip


def drone_ir(root: Path) -> Iterator[Record]:
    """DroneDetectionThesis frames, one flying object each; a group is one video clip."""
    for official, row in _rows(root / "drone_ir"):
        yield _record("drone_ir", Path(row["image"]).stem, root / "drone_ir" / "images" / row["image"], "CC0",
                      row["clip"], official, boxes=(_box(row["category"], row["bbox_xywh"]),))  # fmt: skip


def cheetah(root: Path) -> Iterator[Record]:
    """Roboflow thermal-cheetah; no sequences are published, so look-alikes by difference hash make the groups.

    A group that reaches into the official test part is test as a whole.
    """
    rows = list(_rows(root / "cheetah"))
    groups = look_alikes([root / "cheetah" / "images" / row["image"] for _, row in rows])
    tested = {group for group, (official, _) in zip(groups, rows, strict=True) if official == "test"}
    for group, (_, row) in zip(groups, rows, strict=True):
        yield _record("cheetah", Path(row["image"]).stem, root / "cheetah" / "images" / row["image"], "CC BY 4.0",
                      group, "test" if group in tested else "train",
                      boxes=tuple(_box(b["category"], b["bbox_xywh"]) for b in row["boxes"]))  # fmt: skip


def roadscene(root: Path) -> Iterator[Record]:
    """RoadScene's FLIR frames; no official split: by decile of the frame, 0 val, 1 and 2 test, the rest train.

    Frames that FLIR's box file doesn't name carry `scene["objects"] = "unlabelled"`.
    """
    boxes: dict[str, list[Box]] = {}
    for row in json.loads((root / "roadscene" / "flir_boxes.json").read_text(encoding="utf-8")):
        x1, y1, x2, y2 = row["xyxy"]
        boxes.setdefault(row["image"], []).append(_box(FLIR[row["class_id"]], [x1, y1, x2 - x1, y2 - y1]))
    for image in sorted((root / "roadscene" / "infrared").glob("*.jpg")):
        split = {0: "val", 1: "test", 2: "test"}.get(decile(image.stem), "train")
        yield _record("roadscene", image.stem, image, "not stated (RoadScene; images from FLIR)", image.stem, split,
                      boxes=tuple(boxes.get(image.name, ())),
                      scene={} if image.name in boxes else {"objects": "unlabelled"})  # fmt: skip


READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    read.__name__: read for read in (langir_sirst, nudt_sirst, sirst_backgrounds, hit_uav, roadscene, drone_ir, cheetah)
}


def read_all(root: Path) -> list[Record]:
    """Every record of every known data set that lies under `root`, in READERS' order; InputError if none does."""
    found = [name for name in READERS if (root / name).is_dir()]
    if not found:
        raise InputError(f"{root} holds none of {', '.join(READERS)}; point --data at the folder that holds them.")
    try:
        return [record for name in found for record in READERS[name](root)]
    except (KeyError, ValueError) as error:
        raise InputError(f"A data set under {root} is damaged ({error!r}); fetch it again.") from error


def look_alikes(images: list[Path], distance: int = 10) -> list[str]:
    """A group name an image: the first image's stem of each cluster linked by difference hashes `distance` bits apart.

    The hash: the signs of 8 x 8 horizontal differences of the 9 x 8 thumbnail (64 bits).
    """
    hashes = []
    for image in images:
        with Image.open(image) as opened:
            small = np.asarray(opened.convert("L").resize((9, 8), Image.Resampling.LANCZOS), dtype=np.int16)
        hashes.append((small[:, 1:] > small[:, :-1]).ravel())
    near = (np.array(hashes)[:, None] != np.array(hashes)[None]).sum(-1) <= distance
    label = np.arange(len(images))
    for _ in images:  # every pass carries the smallest label one link further
        label = np.where(near, label[None], len(images)).min(1)
    return [images[first].stem for first in label]


def _rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for official in ("train", "test"):
        for line in (folder / f"{official}.jsonl").read_text(encoding="utf-8").splitlines():
            yield official, json.loads(line)


def _box(category: str, xywh: list[float]) -> Box:
    x, y, width, height = map(float, xywh)
    return Box(category, (x, y, x + width, y + height))


def _record(source: str, name: str, image: Path, licence: str, group: str, official: str, **more: Any) -> Record:
    with Image.open(image) as opened:
        width, height = opened.size
    split = official if source == "roadscene" else held_out(group, official)
    return Record(f"{source}/{name}", image, source, licence, f"{source}/{group}", split, width, height, **more)
