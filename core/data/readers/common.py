"""What every reader shares: categories, boxes, held-out parts, and finding images by their annotated names."""

import hashlib
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image

from core.data.records import Box, Record
from core.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp")
SAME = {
    "people": "person",
    "pedestrian": "person",
    "human": "person",
    "bike": "bicycle",
    "othervehicle": "other vehicle",
}
IGNORED = {"dontcare", "don t care", "ignore", "ignored"}


def decile(group: str) -> int:
    """0..9, fixed by the group's name alone (sha256), so no split ever moves when data is added."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % 10


def held_out(group: str, official: str) -> str:
    """The official split, but "val" for the tenth of the training groups whose decile is 0."""
    return "val" if official == "train" and decile(group) == 0 else official


def own_split(group: str) -> str:
    """Where no official split exists, by decile: 0 val, 1 and 2 test, the rest train."""
    return {0: "val", 1: "test", 2: "test"}.get(decile(group), "train")


def split_in(name: str) -> str:
    """ "train", "val" or "test" where a file or folder name says so ("instances_val2017.json"); else ""."""
    words = re.findall(r"train|valid|val|test", name.lower())
    return words[-1].replace("valid", "val") if words else ""


def category(name: Any) -> str:
    """A category in words: lower case, one space between words, nothing but letters, digits and `- `."""
    plain = re.sub(r"[^\w\-]+|_+", " ", str(name)).strip().lower()[:60].strip()
    return SAME.get(plain, plain) or "object"


def boxes_of(rows: Sequence[tuple[str, Sequence[float]]], size: tuple[int, int]) -> tuple[tuple[Box, ...], int]:
    """((category, xyxy), ...) -> boxes cut to an image of `size` (W, H), and how many had to be dropped.

    Dropped: categories that say "don't care", and boxes without area inside the image. A side of 0 is not known.
    """
    boxes, limits = [], [float(side or math.inf) for side in size] * 2
    for name, xyxy in rows:
        x1, y1, x2, y2 = (min(max(float(v), 0.0), limit) for v, limit in zip(xyxy, limits, strict=True))
        if category(name) not in IGNORED and math.isfinite(x1 + y1 + x2 + y2) and x2 > x1 and y2 > y1:
            boxes.append(Box(category(name), (x1, y1, x2, y2)))
    return tuple(boxes), len(rows) - len(boxes)


def xywh(values: Sequence[float]) -> tuple[float, float, float, float]:
    """[x, y, width, height] -> left, top, right, bottom."""
    x, y, width, height = map(float, values)
    return x, y, x + width, y + height


def size_of(image: Path) -> tuple[int, int]:
    """(W, H) from the file's header; (0, 0) if there is no such image: the build says so when it opens it."""
    try:
        with Image.open(image) as opened:
            return opened.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return 0, 0


def record(source: str, name: str, image: Path, licence: str, group: str, split: str, **more: Any) -> Record:
    """A Record whose id and group carry the source; its size is read from the image unless `size` gives it."""
    width, height = more.pop("size", None) or size_of(image)
    return Record(f"{source}/{name}", image, source, licence, f"{source}/{group}", split, width, height, **more)


def annotated(
    source: str, image: Path, name: str, licence: str, rows: Sequence[tuple[str, Sequence[float]]],
    official: str, group: str = "", size: tuple[int, int] | None = None, scene: Mapping[str, str] | None = None,
    **more: Any,
) -> Record:  # fmt: skip
    """A record of a detection set; the split is the official one, or by the group's decile where there is none."""
    group, size = group or name, size if size and all(size) else size_of(image)
    boxes, dropped = boxes_of(rows, size)
    told = {**(scene or {}), **({"dont_care": str(dropped)} if dropped else {})}
    split = held_out(group, official) if official else own_split(group)
    return record(source, name, image, licence, group, split, size=size, boxes=boxes, scene=told,
                  official=bool(official), **more)  # fmt: skip


def source_name(path: Path) -> str:
    """The name that a data set gets from its folder: letters, digits, dots, dashes and underscores."""
    return re.sub(r"[^\w.\-]+", "_", path.resolve().name).strip("._") or "dataset"


def stem_of(name: str) -> str:
    """A file name without its image suffix, as part of an id."""
    return name[: -len(Path(name).suffix)] if Path(name).suffix.lower() in SUFFIXES else name


def read_rows(path: Path) -> list[str]:
    """The lines of a UTF-8 text file that are not blank, stripped; none if there is no such file. Raises InputError."""
    if not path.is_file():
        return []
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text; save it as UTF-8.") from error


def within(folder: Path, name: str) -> Path:
    """`folder / name`, held inside the folder. Raises InputError for a name that leads out of it."""
    path = Path(os.path.normpath(folder / name))
    if "\0" in name or not path.is_relative_to(os.path.normpath(folder)):
        raise InputError(f"{folder.name}: the image name {name[:80]!r} leads out of the folder; correct it.")
    return path


def image_files(folder: Path) -> Iterator[Path]:
    """Every image under a folder, sorted by path."""
    for parent, folders, files in os.walk(folder):
        folders.sort()
        yield from (Path(parent) / name for name in sorted(files) if Path(name).suffix.lower() in SUFFIXES)


class Images:
    """Finds images of a folder by the names that annotations give them."""

    def __init__(self, folder: Path):
        self.folder = folder

    def find(self, name: str) -> Path:
        """The path as written; else the only image of that name, then of that stem, anywhere below the folder.

        A stem of digits alone names no image beyond its own path. What matches nothing comes back as written.
        """
        written = within(self.folder, name.lstrip("/"))
        if written.is_file():
            return written
        base = name.rsplit("/", 1)[-1]
        for key in (base.lower(), Path(base).stem.lower()):
            if not re.fullmatch(r"\d*(\.\w+)?", key) and (found := self._named.get(key)):
                return found
        return written

    @cached_property
    def _named(self) -> dict[str, Path | None]:
        """Lower-case file names and stems -> path; None where several images share one."""
        named: dict[str, Path | None] = {}
        for path in image_files(self.folder):
            for key in {path.name.lower(), path.stem.lower()}:
                named[key] = None if key in named else path
        return named
