"""The parquet tables of a revision: their columns, and files that `datasets` reads back with Image columns."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

BATCH = 64  # rows of one parquet row group; bounds the memory of an export
TEXT = pa.string(), {"dtype": "string", "_type": "Value"}
NUMBER = pa.int32(), {"dtype": "int32", "_type": "Value"}
WORDS = pa.list_(pa.string()), {"feature": TEXT[1], "_type": "List"}
NUMBERS = pa.list_(pa.int32()), {"feature": NUMBER[1], "_type": "List"}
IMAGE = pa.struct({"bytes": pa.binary(), "path": pa.string()}), {"_type": "Image"}


def _list_of(**parts: tuple[pa.DataType, dict[str, Any]]) -> tuple[pa.DataType, dict[str, Any]]:
    """A list of records with these parts."""
    record = pa.struct([(name, part[0]) for name, part in parts.items()])
    return pa.list_(record), {"feature": {name: part[1] for name, part in parts.items()}, "_type": "List"}


# column -> (Arrow type, the feature of `datasets` that reads it)
COLUMNS = {
    "id": TEXT, "image": IMAGE, "mask": IMAGE, "caption_global": TEXT, "caption_fine": TEXT, "source": TEXT,
    "licence": TEXT, "group": TEXT, "state": TEXT, "version": NUMBER, "name": TEXT, "width": NUMBER, "height": NUMBER,
    "tags": WORDS, "skip_reason": TEXT, "quality": TEXT, "questions": _list_of(question=TEXT, answer=TEXT),
    "boxes": _list_of(label=TEXT, xyxy=NUMBERS), "points": _list_of(label=TEXT, xy=NUMBERS),
}  # fmt: skip
CAPTIONS = ("id", "caption_global", "caption_fine", "source", "licence", "group", "state")
CONFIGS = {"masks": tuple(COLUMNS), "captions": CAPTIONS, "drafts": tuple(COLUMNS)}


class Table:
    """A parquet file written in small row groups; closed, and so valid, when its `with` block ends."""

    def __init__(self, path: Path, columns: tuple[str, ...]):
        path.parent.mkdir(parents=True)
        features = {name: COLUMNS[name][1] for name in columns}
        metadata = {"huggingface": json.dumps({"info": {"features": features}})}
        self._schema = pa.schema({name: COLUMNS[name][0] for name in columns}, metadata)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self._writer.close()

    def add(self, row: dict[str, Any]) -> None:
        """Append one row with exactly the columns of the table."""
        self._rows.append(row)
        if len(self._rows) == BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
            self._rows = []
