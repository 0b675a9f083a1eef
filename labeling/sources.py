"""Where new items come from: a folder of images, JSON lines about images, a pinned revision. Read one at a time."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from core.data.revisions import decode_mask, verify
from core.errors import InputError
from labeling import masks
from labeling.items import NewItem

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp"})
DRAFTED = ("caption_global", "caption_fine", "questions", "boxes", "points", "tags", "quality")


@dataclass(frozen=True)
class Stated:
    """What holds for every item whose source says nothing of its own."""

    source: str = "not stated"
    licence: str = "not stated"
    priority: int = 0


def read(path: Path, images: Path | None, stated: Stated) -> Iterator[NewItem]:
    """The items of a revision, of JSON lines, of a built data set or of a folder of images, whatever `path` is.

    Args:
        images: the folder that image names in JSON lines are relative to; the file's own folder for None.
    """
    if path.is_file():
        return from_lines([path], images or path.parent, stated)
    if not path.is_dir():
        raise InputError(f"there is nothing at {path}: name a folder, a .jsonl file or NAMESPACE/NAME@REVISION")
    if (path / "data/masks/train.parquet").is_file():
        return from_revision(path, stated)
    if lines := sorted([*path.glob("*.captions.jsonl"), *path.glob("*.questions.jsonl")]):
        return from_lines(lines, images or path, stated)
    return from_folder(path, stated)


def from_folder(folder: Path, stated: Stated) -> Iterator[NewItem]:
    """Every image below a folder, by name; images of one folder are one group. PNG masks are not told apart."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise InputError(f"{folder} holds no images (PNG, TIFF, JPEG, WebP or BMP): name another folder")
    for path in paths:
        group = "" if path.parent == folder else path.parent.relative_to(folder).as_posix()
        yield NewItem(path.read_bytes(), path.name, stated.source, stated.licence, group, {}, stated.priority)


def from_lines(files: list[Path], images: Path, stated: Stated) -> Iterator[NewItem]:
    """One item for each image that the lines name, with everything they say about it as its draft.

    A line is an object with "image", a name below `images`, and any field of an item; or IR-TD's "conversations", whose
    turns become questions with answers. "source", "licence" and "group" are taken over.
    """
    told: dict[str, dict[str, Any]] = {}
    for file in files:
        for number, line in _lines(file):
            about = told.setdefault(_image_of(line, f"{file.name}, line {number}"), {})
            about |= {name: line[name] for name in (*DRAFTED, "mask", "source", "licence", "group") if name in line}
            if "conversations" in line:
                about["questions"] = [*about.get("questions", []), *_pairs(line["conversations"])]
    if not told:
        raise InputError("these files name no image: write one JSON object a line, with an image each")
    for name, about in told.items():
        path = next((path for path in (images / name, images / Path(name).name) if path.is_file()), None)
        if path is None:
            raise InputError(f"the image {name} is not there: say where the images are, or bring it along")
        drafts = {field: about[field] for field in (*DRAFTED, "mask") if field in about}
        source, licence = about.get("source") or stated.source, about.get("licence") or stated.licence
        group = str(about.get("group") or "")
        yield NewItem(path.read_bytes(), path.name, str(source), str(licence), group, drafts, stated.priority)


def from_revision(folder: Path, stated: Stated) -> Iterator[NewItem]:
    """The items of a pinned revision, its values as drafts: work on the same images that begins anew."""
    verify(folder)
    for name in ("masks", "drafts"):
        with pq.ParquetFile(folder / f"data/{name}/train.parquet") as table:
            for batch in table.iter_batches(batch_size=64):
                for row in batch.to_pylist():
                    drafts = {field: row[field] for field in DRAFTED if row.get(field)}
                    if row["mask"] is not None:
                        drafts["mask"] = masks.encode(decode_mask(row["mask"]["bytes"]))
                    own = row["source"], row["licence"], row["group"]
                    yield NewItem(row["image"]["bytes"], row["name"], *own, drafts, stated.priority)


def _lines(file: Path) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield number, json.loads(line)
    except (ValueError, RecursionError):
        raise InputError(f"{file.name}, line {number}: this is no JSON; mend or remove the line") from None


def _image_of(line: Any, where: str) -> str:
    """The image that a line names: relative, and never out of its folder."""
    name = line.get("image") if isinstance(line, Mapping) else None
    if not isinstance(name, str) or not name or "\0" in name:
        raise InputError(f'{where}: no "image": write a JSON object that names one')
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts:
        raise InputError(f"{where}: the image {name!r} lies outside the folder of images: name it relative to that")
    return parts.as_posix()


def _pairs(turns: Any) -> list[dict[str, str]]:
    """Questions with answers from IR-TD's turns; anything that is none is left out."""
    said = [turn for turn in turns if isinstance(turn, Mapping)] if isinstance(turns, list) else []
    values = [str(turn.get("value", "")).replace("<image>", "").strip() for turn in said]
    return [{"question": q, "answer": a} for q, a in zip(values[::2], values[1::2], strict=False) if q]
