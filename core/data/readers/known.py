"""The data sets that the studio was made with, as they lie side by side under one folder."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.data.duplicates import look_alikes
from core.data.readers import coco
from core.data.readers.common import held_out, image_files, own_split, record, xywh
from core.data.readers.irtd import conversations
from core.data.readers.masks import masked
from core.data.records import Box, Record

HIT_UAV = {"Person": "person", "Car": "car", "Bicycle": "bicycle", "OtherVehicle": "other vehicle"}
FLIR = {1: "person", 2: "bicycle", 3: "car", 17: "dog"}
UNLABELLED = {"objects": "unlabelled"}


def langir_sirst(root: Path) -> Iterator[Record]:
    """NUAA-SIRST in the LangIR layout; sequences aren't published, so every image is its own group."""
    yield from masked(root / "langir_sirst", "langir_sirst", "citation asked for (NUAA-SIRST)")


def langir_irstd1k(root: Path) -> Iterator[Record]:
    """IRSTD-1k in the LangIR layout; of its id lists only the frames at hand are read."""
    folder = root / "langir_irstd1k_few"
    for found in masked(folder, "langir_irstd1k", "not stated (IRSTD-1k)"):
        if found.image.is_file():
            yield found


def nudt_sirst(root: Path) -> Iterator[Record]:
    """NUDT-SIRST, BasicIRSTD split; scenes aren't published, so every image is its own group."""
    yield from masked(root / "nudt_sirst", "nudt_sirst", "not stated (NUDT-SIRST)")


def sirst_backgrounds(root: Path) -> Iterator[Record]:
    """Real frames without a target: by sorted name the first 40 train, the last 40 test (data/README.md)."""
    for position, image in enumerate(sorted((root / "sirst_backgrounds").glob("*.jpg"))):
        split = held_out(image.stem, "train" if position < 40 else "test")
        yield record("sirst_backgrounds", image.stem, image, "citation asked for (open-sirst-v2)", image.stem,
                     split, scene={"targets": "none"})  # fmt: skip


def hit_uav(root: Path) -> Iterator[Record]:
    """HIT-UAV, repacked or as released; a group is one flight setting: time, altitude, angle, weather.

    `DontCare` boxes are dropped; `scene["dont_care"]` counts them, as objects near them may be unlabelled.
    """
    folder = root / "hit_uav"
    if not (folder / "train.jsonl").is_file():
        yield from coco.hit_uav_release(folder)
        return
    for official, row in _rows(folder):
        stem = Path(row["image"]).stem
        boxes = tuple(_box(HIT_UAV[b["category"]], b["bbox_xywh"]) for b in row["boxes"] if b["category"] in HIT_UAV)
        scene = {key: str(row[key]) for key in ("time", "altitude_m", "camera_angle_deg")}
        if ignored := len(row["boxes"]) - len(boxes):
            scene["dont_care"] = str(ignored)
        yield _official("hit_uav", row, "CC BY 4.0", "_".join(stem.split("_")[:4]), official, root, boxes, scene)


def drone_ir(root: Path) -> Iterator[Record]:
    """DroneDetectionThesis frames, one flying object each; a group is one video clip."""
    for official, row in _rows(root / "drone_ir"):
        boxes = (_box(row["category"], row["bbox_xywh"]),)
        yield _official("drone_ir", row, "CC0", row["clip"], official, root, boxes)


def cheetah(root: Path) -> Iterator[Record]:
    """Roboflow thermal-cheetah; no sequences are published, so look-alikes make the groups.

    A group that reaches into the official test part is test as a whole.
    """
    rows = list(_rows(root / "cheetah"))
    groups = look_alikes([root / "cheetah" / "images" / row["image"] for _, row in rows])
    tested = {group for group, (official, _) in zip(groups, rows, strict=True) if official == "test"}
    for group, (_, row) in zip(groups, rows, strict=True):
        boxes = tuple(_box(b["category"], b["bbox_xywh"]) for b in row["boxes"])
        official = "test" if group in tested else "train"
        yield _official("cheetah", row, "CC BY 4.0", group, official, root, boxes)


def roadscene(root: Path) -> Iterator[Record]:
    """RoadScene's FLIR frames with their visible partners, which show a smaller field of view; no official split.

    Frames that FLIR's box file doesn't name carry `scene["objects"] = "unlabelled"`. An object's identity is its
    number in the frame; the visible box at the same place (by the published affine map) carries the same, unless the
    crop's edge cuts it.
    """
    folder = root / "roadscene"
    boxes: dict[str, list[Box]] = {}
    for row in json.loads((folder / "flir_boxes.json").read_text(encoding="utf-8")):
        own, stem = boxes.setdefault(row["image"], []), Path(row["image"]).stem
        x1, y1, x2, y2 = map(float, row["xyxy"])
        own.append(Box(FLIR[row["class_id"]], (x1, y1, x2, y2), f"roadscene/{stem}/{len(own)}"))
    pairs = json.loads((folder / "pair_to_frame_affine.json").read_text(encoding="utf-8"))
    partners = {pair["id"]: pair for pair in pairs}
    for image in sorted((folder / "infrared").glob("*.jpg")):
        labelled, more = tuple(boxes.get(image.name, ())), {}
        if pair := partners.get(image.stem):
            more = {"visible": folder / "pair_visible" / image.name, "registered": False,
                    "visible_boxes": tuple(_crop_boxes(pair, labelled))}  # fmt: skip
        yield record("roadscene", image.stem, image, "not stated (RoadScene; images from FLIR)", image.stem,
                     own_split(image.stem), boxes=labelled, official=False,
                     scene={} if image.name in boxes else UNLABELLED, **more)  # fmt: skip


def pairs(root: Path) -> Iterator[Record]:
    """Registered pairs of infrared and visible images without labels (LLVIP, MSRS, VEDAI); no official split."""
    terms = {"llvip": "LLVIP: non-commercial", "msrs": "MIT (MSRS via SuperFusion)", "vedai": "VEDAI: research"}
    for folder in sorted(path for path in (root / "pairs").iterdir() if path.is_dir()):
        partners = {image.stem: image for image in image_files(folder / "visible")}
        for image in image_files(folder / "infrared"):
            yield record(folder.name, image.stem, image, terms.get(folder.name, f"not stated ({folder.name})"),
                         image.stem, own_split(image.stem), scene=UNLABELLED, official=False,
                         visible=partners.get(image.stem))  # fmt: skip


def radiometric(root: Path) -> Iterator[Record]:
    """Camera files that hold temperatures, without labels or split; their sensor is smaller than the picture shown."""
    for image in image_files(root / "radiometric"):
        yield record("radiometric", image.stem, image, "MIT (thermal_parser)", image.stem, own_split(image.stem),
                     size=(0, 0), scene=UNLABELLED, official=False)  # fmt: skip


def irtd(root: Path) -> Iterator[Record]:
    """IR-TD's published questions: those on RoadScene's frames, then the rest, whose images are not at hand."""
    frames, seen = root / "roadscene" / "infrared", set()
    files = [root / "roadscene" / "irtd_qa.json", *sorted((root / "irtd_qa_text").glob("*.jsonl"))]
    for file in files:
        for asked in conversations(file, frames) if file.is_file() else ():
            if not asked.image.is_file():
                yield asked
            elif asked.id not in seen:
                seen.add(asked.id)
                yield asked


def _crop_boxes(pair: dict[str, Any], labelled: tuple[Box, ...]) -> Iterator[Box]:
    """The labelled objects in the visible crop, each with the identity of the frame's box it maps to."""
    (a, b, c), (d, e, f) = pair["affine_crop_to_full"]
    for class_id, *corners in pair["boxes_on_crop"]:
        x1, y1, x2, y2 = corners
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        place, name = (a * x + b * y + c, d * x + e * y + f), FLIR[int(class_id)]
        near = [box for box in labelled if box.category == name and _apart(box, place) <= 4]
        identity = min(near, key=lambda box: _apart(box, place)).identity if near else ""
        yield Box(name, (x1, y1, x2, y2), identity)


def _apart(box: Box, place: tuple[float, float]) -> float:
    """Pixels between a box's center and a place."""
    x1, y1, x2, y2 = box.xyxy
    return max(abs((x1 + x2) / 2 - place[0]), abs((y1 + y2) / 2 - place[1]))


def _rows(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for official in ("train", "test"):
        with (folder / f"{official}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                yield official, json.loads(line)


def _official(source: str, row: dict[str, Any], licence: str, group: str, official: str, root: Path,
              boxes: tuple[Box, ...], scene: dict[str, str] | None = None) -> Record:  # fmt: skip
    """A row of a repacked set: the image lies in `images/`, the size in the row."""
    image = root / source / "images" / row["image"]
    return record(source, image.stem, image, licence, group, held_out(group, official),
                  size=(row["width"], row["height"]), boxes=boxes, scene=scene or {})  # fmt: skip


def _box(category: str, bbox: list[float]) -> Box:
    return Box(category, xywh(bbox))
