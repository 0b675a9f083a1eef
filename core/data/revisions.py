"""Pinned dataset revisions: a folder whose every file is held to a sha256. Knows no database; writes nothing.

README.md                    dataset card
manifest.json                {"format", "revision", "tag", "rows", "files": {path: sha256}}
data/masks/train.parquet     items that people refined, with a mask
data/captions/train.parquet  the captions of refined items, without images
data/drafts/train.parquet    items nobody has refined yet, skipped ones included
"""

import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from core.errors import InputError

FORMAT = 1


@dataclass(frozen=True)
class RevisionRow:
    """One refined image. `image` is the original file (core.thermal.read_thermal takes it), `mask` bool (H, W)."""

    id: str  # sha256 of the image file
    image: bytes
    mask: np.ndarray
    caption_global: str
    caption_fine: str
    source: str
    licence: str
    group: str


@dataclass(frozen=True)
class Revision:
    """A checked revision: its content hash, its tag and its rows, decoded one at a time as they are asked for."""

    revision: str
    tag: str
    rows: "Rows"


class Rows(Sequence[RevisionRow]):
    """The rows of one `masks` table; the table stays on the disk (memory-mapped), only the row asked for is decoded."""

    def __init__(self, table: pa.Table):
        self._table = table

    def __len__(self) -> int:
        return self._table.num_rows

    @overload
    def __getitem__(self, index: int) -> RevisionRow: ...
    @overload
    def __getitem__(self, index: slice) -> list[RevisionRow]: ...
    def __getitem__(self, index: int | slice) -> RevisionRow | list[RevisionRow]:
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return _row(self._table.slice(index % len(self), 1).to_pylist()[0])

    def __iter__(self) -> Iterator[RevisionRow]:
        return (self[position] for position in range(len(self)))


def read_revision(folder: str | Path) -> Revision:
    """Open an exported revision. Raises InputError if it is none or differs from its manifest."""
    folder = Path(folder)
    manifest = verify(folder)
    table = pq.read_table(folder / "data/masks/train.parquet", memory_map=True)
    return Revision(manifest["revision"], manifest["tag"], Rows(table))


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, once every file is found to have the pinned sha256. Raises InputError naming the file if not."""
    manifest = read_manifest(folder)
    files = manifest["files"]
    for name, pinned in files.items():
        path = folder / name
        if ".." in Path(name).parts or Path(name).is_absolute() or not path.is_file():
            raise InputError(f"{folder}: {name} is missing from the revision: export or download it again")
        if sha256_of(path) != pinned:
            raise InputError(f"{folder}: {name} differs from what the manifest pins: export or download it again")
    if content_hash(files) != manifest["revision"]:
        raise InputError(f"{folder}: manifest.json was changed after the export: export or download it again")
    return manifest


def read_manifest(folder: Path) -> dict[str, Any]:
    """manifest.json of a revision folder, its form checked but not its files. Raises InputError."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        whole = manifest["format"] == FORMAT and all(isinstance(manifest[key], str) for key in ("revision", "tag"))
        files = manifest["files"]
        whole &= all(isinstance(name, str) and isinstance(pinned, str) for name, pinned in files.items())
    except FileNotFoundError:
        raise InputError(f"{folder} is no exported revision: python -m labeling.export writes one") from None
    except (ValueError, KeyError, TypeError, AttributeError, NotADirectoryError):
        whole = False
    if not whole or "data/masks/train.parquet" not in files:
        raise InputError(f"{path} is no manifest of a revision that this version reads: export it again")
    return manifest


def content_hash(files: dict[str, str]) -> str:
    """The name of a revision: sha256 over the sorted (path, sha256) pairs of its files."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def decode_mask(png: bytes) -> np.ndarray:
    """A mask's PNG as bool (H, W)."""
    return np.asarray(Image.open(io.BytesIO(png))) > 0


def _row(values: dict[str, Any]) -> RevisionRow:
    mask = decode_mask(values["mask"]["bytes"])
    texts = {name: values[name] for name in ("id", "caption_global", "caption_fine", "source", "licence", "group")}
    return RevisionRow(image=values["image"]["bytes"], mask=mask, **texts)
