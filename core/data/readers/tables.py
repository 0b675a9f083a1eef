"""Sources that hold their images inside: the studio's own revisions and whatever `datasets.load_dataset` opens.

Images are written to a store, named by their content, so that the rest of the build reads files.
"""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.data.readers.common import annotated, category, held_out, own_split, record, split_in, xywh
from core.data.records import Record
from core.data.revisions import read_revision
from core.errors import InputError

SIGNATURES = {b"\x89PNG": ".png", b"\xff\xd8": ".jpg", b"II*\0": ".tiff", b"MM\0*": ".tiff"}


def revision(folder: Path, store: Path) -> Iterator[Record]:
    """What people refined and `python -m labeling.export` wrote; their captions are kept. Raises InputError."""
    opened = read_revision(folder)
    for row in opened.rows:
        image = keep(row.image, store)
        mask = io.BytesIO()
        Image.fromarray(row.mask.astype(np.uint8) * 255).save(mask, "PNG")
        captions = {"global": row.caption_global, "fine": row.caption_fine}
        yield record("studio", f"{opened.revision[:12]}/{row.id[:16]}", image, row.licence or "not stated",
                     f"{row.source}/{row.group or row.id}", own_split(row.group or row.id), official=False,
                     mask=keep(mask.getvalue(), store) if row.mask.any() else None,
                     captions={name: text for name, text in captions.items() if text.strip()})  # fmt: skip


def hub(name: str, store: Path) -> Iterator[Record]:
    """NAMESPACE/NAME@REVISION (or a local folder) through `datasets.load_dataset`, streamed.

    Takes the columns `image`, `objects` ({"bbox" as x, y, width, height, "category"}), `mask`, `visible`, `group`.
    Raises InputError for a Hub name without a revision, and for what can't be loaded.
    """
    import datasets  # takes a second to import

    repository, _, pinned = name.partition("@")
    local = Path(repository).exists()
    if not pinned and not local:
        raise InputError(f"{name}: a source on the Hub needs its revision, as in NAMESPACE/NAME@REVISION.")
    try:
        parts = datasets.load_dataset(repository, revision=pinned or None, streaming=True)
        for split, rows in parts.items():
            yield from _rows(rows, repository if not local else Path(repository).name, str(split), store)
    except InputError:
        raise
    except Exception as error:  # the library raises nearly anything, network errors included
        reason = " ".join(str(error).split())[:120]
        raise InputError(f"{name} can't be loaded ({reason}); check its name, revision and the network.") from error


def _rows(rows: Any, source: str, split: str, store: Path) -> Iterator[Record]:
    import datasets

    columns = rows.features or {}
    if "image" not in columns:
        raise InputError(f"{source} has no column `image` (it has {', '.join(columns) or 'none'}); name another set.")
    labels = _labels(columns.get("objects"))
    for column, kind in columns.items():
        if isinstance(kind, datasets.Image):
            rows = rows.cast_column(column, datasets.Image(decode=False))
    licence = (rows.info.license if rows.info else "") or f"not stated ({source})"
    official = split_in(split) if len(split) < 12 else ""
    source = source.replace("/", "_")
    for number, row in enumerate(rows):
        name, group = f"{split}/{number}", str(row.get("group") or f"{split}/{number}")
        files = {key: keep(data, store) for key in ("image", "visible", "mask") if (data := _bytes(row.get(key)))}
        if "image" not in files:
            files["image"] = store / f"{split}-{number}"  # the build reports it as missing
        if objects := row.get("objects"):
            boxes = [
                (labels.get(kind, str(kind)), xywh(box))
                for box, kind in zip(objects["bbox"], objects["category"], strict=True)
            ]
            yield annotated(source, files["image"], name, licence, boxes, official, group,
                            visible=files.get("visible"))  # fmt: skip
        else:
            part = held_out(group, official) if official else own_split(group)
            unlabelled = {} if "mask" in files else {"objects": "unlabelled"}
            yield record(source, name, files["image"], licence, group, part, mask=files.get("mask"),
                         visible=files.get("visible"), scene=unlabelled, official=bool(official))  # fmt: skip


def _bytes(value: Any) -> bytes | None:
    """The bytes of an undecoded image column."""
    if not isinstance(value, Mapping):
        return None
    if value.get("bytes"):
        return bytes(value["bytes"])
    return Path(value["path"]).read_bytes() if value.get("path") and Path(value["path"]).is_file() else None


def _labels(objects: Any) -> dict[Any, str]:
    """Class number -> name, where the column `objects` has a ClassLabel."""
    if objects is None:
        return {}
    kind = objects.get("category") if isinstance(objects, Mapping) else getattr(objects, "feature", {}).get("category")
    kind = getattr(kind, "feature", kind)
    return {number: category(name) for number, name in enumerate(getattr(kind, "names", None) or ())}


def keep(data: bytes, store: Path) -> Path:
    """The file in the store that holds these bytes, written whole or not at all."""
    suffix = next((end for start, end in SIGNATURES.items() if data.startswith(start)), ".bin")
    path = store / f"{hashlib.sha256(data).hexdigest()[:32]}{suffix}"
    if not path.is_file():
        store.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(data)
        os.replace(part, path)
    return path
