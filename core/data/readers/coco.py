"""COCO detection files, and the two infrared releases in that format: HIT-UAV and FLIR ADAS (versions 1 and 2).

Annotations are spooled to a temporary file, so that memory does not grow with their number.
"""

import hashlib
import re
import struct
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import ijson
import numpy as np

from core.data.readers.common import Images, annotated, source_name, split_in, stem_of, xywh
from core.data.records import Record
from core.errors import InputError

ROW = np.dtype([("image", "<i8"), ("category", "<i8"), ("xywh", "<f8", 4), ("ignored", "?")])
FLIR_LICENCE = "Teledyne FLIR ADAS terms: research and development"
HIT_UAV_LICENCE = "CC BY 4.0"


@dataclass(frozen=True)
class Tables:
    """The categories' and licences' names by id, and the annotations sorted by image."""

    categories: dict[int, str]
    licences: dict[Any, str]
    rows: np.ndarray  # ROW, memory-mapped
    order: np.ndarray
    images: np.ndarray  # rows["image"][order]

    def of(self, image: int) -> list[tuple[str, tuple[float, ...]]]:
        first, last = np.searchsorted(self.images, [image, image + 1])
        rows = self.rows[np.sort(self.order[first:last])]
        return [
            ("ignored" if row["ignored"] else self.categories.get(int(row["category"]), "object"), xywh(row["xywh"]))
            for row in rows
        ]


def coco(path: Path) -> Iterator[Record]:
    """A COCO file, or a folder that holds some (in it or in `annotations/`)."""
    for file in annotation_files(path):
        yield from records(file, source_name(path if path.is_dir() else file.parent), _images_near(file))


def hit_uav_release(path: Path) -> Iterator[Record]:
    """HIT-UAV as released: `normal_json/annotations/{train,val,test}.json`; a group is one flight setting.

    The published parts share flights: frames of a test flight are kept from training by the build.
    """
    folder = path / "normal_json" if (path / "normal_json").is_dir() else path
    for file in annotation_files(folder):
        yield from records(file, "hit_uav", Images(folder), HIT_UAV_LICENCE, _flight, _flight_facts)


def flir_adas(path: Path) -> Iterator[Record]:
    """FLIR ADAS 1.3 (`train/thermal_annotations.json`) or 2 (`images_thermal_train/coco.json`); a group is one video.

    The visible partner of version 1 lies in `RGB/` and has another field of view.
    """
    files = [*sorted(path.glob("*/thermal_annotations.json")), *sorted(path.glob("*thermal*/coco.json"))]
    if not files:
        raise InputError(f"{path} holds no FLIR ADAS annotations; name the folder with images_thermal_train or train.")
    for file in files:
        yield from records(file, "flir_adas", Images(file.parent), FLIR_LICENCE, _video, partner=_flir_partner)


def annotation_files(path: Path) -> list[Path]:
    """The COCO files that a path means. Raises InputError if there is none."""
    if path.is_file():
        return [path]
    found = [file for folder in (path / "annotations", path) for file in sorted(folder.glob("*.json"))]
    if not found:
        raise InputError(f"{path} holds no COCO file; name the .json file or the folder with annotations/ in it.")
    return found


def records(
    file: Path, source: str, images: Images, licence: str = "",
    group: Callable[[str, dict[str, Any]], str] = lambda name, image: "",
    facts: Callable[[str], dict[str, str]] = lambda name: {},
    partner: Callable[[Path], Path | None] = lambda image: None,
) -> Iterator[Record]:  # fmt: skip
    """The records of one COCO file, one at a time. Raises InputError for anything that is not COCO."""
    split = split_in(file.stem) or split_in(file.parent.name)
    try:
        with tempfile.TemporaryFile() as spool:
            tables = _tables(file, spool)
            for image in _items(file, "images.item"):
                name = image.get("file_name") or image["filename"]
                path, size = images.find(name), (int(image.get("width", 0)), int(image.get("height", 0)))
                terms = licence or tables.licences.get(image.get("license"), "") or f"not stated ({source})"
                visible = partner(path)
                yield annotated(source, path, stem_of(name), terms, tables.of(_key(image["id"])), split,
                                group(name, image), size, facts(name), visible=visible,
                                registered=visible is None)  # fmt: skip
    except (ijson.JSONError, KeyError, TypeError, ValueError, AttributeError, OverflowError, struct.error) as error:
        reason = " ".join(str(error).split())[:80]
        raise InputError(f"{file.name} is no whole COCO file ({reason}); export or download it again.") from error


def _tables(file: Path, spool: Any) -> Tables:
    pack = struct.Struct("<qq4d?").pack
    for prefix in ("annotations.item", "annotation.item"):  # HIT-UAV's release says "annotation"
        for row in _items(file, prefix):
            box, ignored = row["bbox"], bool(row.get("iscrowd") or row.get("ignore"))
            spool.write(pack(_key(row["image_id"]), int(row["category_id"]), *map(float, box), ignored))
    spool.flush()
    rows = np.memmap(spool, ROW, "r") if spool.tell() else np.zeros(0, ROW)
    order = np.argsort(rows["image"], kind="stable")
    names = {int(row["id"]): str(row["name"]) for row in _items(file, "categories.item")}
    licences = {row.get("id"): str(row.get("name", "")) for row in _items(file, "licenses.item")}
    return Tables(names, licences, rows, order, rows["image"][order])


class _Shallow:
    """A file that refuses JSON nested deeper than any annotation: a parser's paths would fill the memory."""

    def __init__(self, file: BinaryIO):
        self._file, self._depth = file, 0

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(4096 if size else 0)
        self._depth += sum(map(data.count, (b"[", b"{"))) - sum(map(data.count, (b"]", b"}")))
        if self._depth > 2000:
            raise ValueError("nested too deeply")
        return data


def _items(file: Path, prefix: str) -> Iterator[dict[str, Any]]:
    with file.open("rb") as opened:
        for item in ijson.items(_Shallow(opened), prefix, use_float=True):
            if not isinstance(item, dict):
                raise ValueError(f"{prefix} is {type(item).__name__}, not an object")
            yield item


def _key(image_id: Any) -> int:
    """An image's id as a number; ids in words by their hash."""
    if isinstance(image_id, int) and not isinstance(image_id, bool):
        return image_id
    return int.from_bytes(hashlib.blake2b(str(image_id).encode(), digest_size=7).digest(), "little")


def _images_near(file: Path) -> Images:
    """`annotations/x.json` names images of the folder above."""
    return Images(file.parent.parent if file.parent.name == "annotations" else file.parent)


def _flight(name: str, image: dict[str, Any]) -> str:
    """ "0_60_30_0_01609.jpg" -> "0_60_30_0": time, altitude, angle, weather."""
    return "_".join(Path(name).stem.split("_")[:4])


def _flight_facts(name: str) -> dict[str, str]:
    parts = Path(name).stem.split("_")
    if len(parts) < 5 or parts[0] not in ("0", "1"):
        return {}
    return {"time": ("day", "night")[int(parts[0])], "altitude_m": parts[1], "camera_angle_deg": parts[2]}


def _video(name: str, image: dict[str, Any]) -> str:
    """Version 2 names the video; version 1 numbers all frames: look-alikes make its groups."""
    told = image.get("extra_info") or {}
    found = re.search(r"video-(\w+?)-frame", name)
    return str(told.get("video_id") or "") or (found[1] if found else "")


def _flir_partner(image: Path) -> Path | None:
    folder = image.parent.parent / "RGB"
    return next((p for s in (".jpg", ".jpeg") if (p := folder / f"{image.stem}{s}").is_file()), None)
