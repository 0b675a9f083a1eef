"""Small records and data set folders, made up, for the tests of this folder."""

import json
import random
from pathlib import Path

import numpy as np
from PIL import Image

from core.data.records import Box, Record


def record(source: str = "hit_uav", boxes: tuple[Box, ...] = (), **scene: str) -> Record:
    """A 640 x 512 record without a file; hit_uav by night, from where 20 pixels are a car or a person, unless told."""
    told = {"time": "night", "altitude_m": "150", "camera_angle_deg": "90"} if source == "hit_uav" else {}
    return Record(f"{source}/made", Path("made.png"), source, "ours", f"{source}/made", "train", 640, 512, boxes,
                  scene=told | scene)  # fmt: skip


def box(category: str, x: float, y: float, width: float = 20, height: float = 10) -> Box:
    """A box by its center."""
    return Box(category, (x - width / 2, y - height / 2, x + width / 2, y + height / 2))


def hit_uav_folder(root: Path, images: int = 40) -> Path:
    """A data folder that holds a HIT-UAV of `images` noise frames in as many flights; returns `root`."""
    rng = random.Random(0)
    (root / "hit_uav" / "images").mkdir(parents=True)
    rows = []
    for number in range(images):
        name = f"{number % 2}_{400 + number}_90_0_{number:05}.jpg"
        pixels = np.random.default_rng(number).integers(0, 255, (64, 80), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "hit_uav" / "images" / name)
        kinds = rng.sample(["Person", "Car", "Bicycle", "OtherVehicle", "DontCare"], rng.randint(1, 3))
        boxes = [{"category": kind, "bbox_xywh": [rng.randrange(60), rng.randrange(50), 8, 8]} for kind in kinds]
        rows.append({"image": name, "width": 80, "height": 64, "time": ("day", "night")[number % 2],
                     "altitude_m": 400 + number, "camera_angle_deg": 90, "weather": 0, "boxes": boxes})  # fmt: skip
    for split, part in (("train", rows[: images * 3 // 4]), ("test", rows[images * 3 // 4 :])):
        lines = "".join(json.dumps(row) + "\n" for row in part)
        (root / "hit_uav" / f"{split}.jsonl").write_text(lines, encoding="utf-8")
    return root


def files_of(out: Path) -> dict[str, bytes]:
    """Everything under a folder by relative name."""
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in out.rglob("*") if path.is_file()}
