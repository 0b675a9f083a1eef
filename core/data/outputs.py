"""What a build leaves: JSON lines, Parquet tables, a card that `datasets.load_dataset` reads, a manifest of hashes.

{train,val,test}.captions.jsonl      one object an image, for core.tclip.train and core.irgpt.train
{train,val,test}.questions.jsonl     conversations on images under --data, for core.irgpt.train
pretrain.jsonl                       InternVL conversations: captions of the training part
instruction.jsonl                    InternVL conversations: questions of the training part
benchmark.jsonl                      InternVL conversations: questions of the test part
data/SUBSET/SPLIT.parquet            the same three subsets with their sources, licences and groups
pairs.jsonl, rejected.jsonl          images of the same view; what stayed out and why
"""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.parquet as pq

from core.data.conversations import Conversation
from core.data.records import Record
from core.data.revisions import sha256_of
from core.data.shards import Row, write_whole
from core.data.splits import SPLITS

FORMAT = 1
SUBSETS = {"pretrain": ("train", "val", "test"), "instruction": ("train", "val"), "benchmark": ("test",)}
PROMPTS = ("Describe this picture in detail.", "Describe the brightness of what the picture shows.")
PART = ".part"
ROWS = 4096  # a Parquet row group
TEXT = [(name, pa.string()) for name in ("id", "image", "source", "licence", "group")]
SCHEMAS = {
    "pretrain": pa.schema([*TEXT, ("width", pa.int32()), ("height", pa.int32()),
                           *[(f"caption_{name}", pa.string()) for name in ("global", "fine", "ir_aware", "inferred")],
                           *[(name, pa.string()) for name in ("route", "maker", "prompt_hash", "state")]]),
    "questions": pa.schema([*TEXT, *[(name, pa.string()) for name in ("task", "question", "answer")]]),
}  # fmt: skip


class Table:
    """A Parquet file written a row group at a time; missing texts are empty."""

    def __init__(self, path: Path, schema: pa.Schema):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._writer, self._schema = pq.ParquetWriter(path, schema, compression="zstd"), schema
        self._rows: list[Row] = []

    def add(self, row: Row) -> None:
        self._rows.append({name: row.get(name, "") for name in self._schema.names})
        if len(self._rows) == ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()

    def __enter__(self) -> "Table":
        return self

    def __exit__(self, *error: object) -> None:
        if self._rows:
            self._flush()
        self._writer.close()


class Outputs:
    """Takes records in their final order. Files get their names when all are whole (`finish`)."""

    def __init__(self, out: Path):
        self.out, self._stack = out, ExitStack()
        self._files: dict[str, TextIO] = {}
        self._tables: dict[str, Table] = {}
        for split in SPLITS:
            self._file(f"{split}.captions.jsonl")
            self._file(f"{split}.questions.jsonl")
        for name in (*SUBSETS, "pairs", "rejected"):
            self._file(f"{name}.jsonl")
        for subset, splits in SUBSETS.items():
            for split in splits:
                path = out / f"data/{subset}/{split}.parquet{PART}"
                schema = SCHEMAS["pretrain" if subset == "pretrain" else "questions"]
                self._tables[f"{subset}/{split}"] = self._stack.enter_context(Table(path, schema))

    def _file(self, name: str) -> None:
        path = self.out / f"{name}{PART}"
        self._files[name] = self._stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))

    def _line(self, name: str, row: Mapping[str, Any]) -> None:
        self._files[f"{name}.jsonl"].write(json.dumps(row, ensure_ascii=False) + "\n")

    def caption(self, record: Record, image: str, told: Mapping[str, str]) -> None:
        """One captioned image."""
        self._line(f"{record.split}.captions", {"image": image, **told, "source": record.source, "id": record.id})
        if record.split == "train":
            texts = (f"<image>\n{PROMPTS[0]}", told["caption_global"], PROMPTS[1], told["caption_fine"])
            turns = [{"from": ("human", "gpt")[n % 2], "value": text} for n, text in enumerate(texts)]
            self._line("pretrain", {"id": record.id, "image": image, "task": "caption", "conversations": turns})
        size = {"width": record.width, "height": record.height}
        self._tables[f"pretrain/{record.split}"].add({**told, **_facts(record), **size, "image": image})

    def question(self, record: Record, asked: Conversation, own_image: bool = False) -> None:
        """One question; `own_image`: its image was made by the build and lies beside the files, not under --data."""
        if not own_image:
            self._line(f"{record.split}.questions", asked)
        subset = "benchmark" if record.split == "test" else "instruction"
        if record.split != "val":
            self._line(subset, asked)
        question, answer = (turn["value"] for turn in asked["conversations"])
        row = {"id": asked["id"], "image": asked["image"], "task": asked["task"], "answer": answer,
               "question": question.removeprefix("<image>").strip()}  # fmt: skip
        self._tables[f"{subset}/{record.split}"].add({**_facts(record), **row})

    def pair(self, record: Record, found: Mapping[str, Any]) -> None:
        """Two images of the same view."""
        self._line("pairs", {"id": record.id, "split": record.split, **found, "source": record.source,
                             "licence": record.licence})  # fmt: skip

    def reject(self, record: Record, image: str, reason: str) -> None:
        """A record, or a part of it, that stays out."""
        self._line("rejected", {"id": record.id, "image": image, "source": record.source, "reason": reason})

    def finish(self) -> list[str]:
        """Close all files and give them their names; the names, relative to the folder."""
        self._stack.close()
        names = [*self._files, *(f"data/{name}.parquet" for name in self._tables)]
        for name in names:
            os.replace(self.out / f"{name}{PART}", self.out / name)
        return names


def _facts(record: Record) -> Row:
    return {"id": record.id, "source": record.source, "licence": record.licence, "group": record.group}


def write_card(out: Path, counts: Mapping[str, int], licences: Mapping[str, str]) -> None:
    """README.md, whose head tells `datasets.load_dataset` the three subsets."""
    configs = "".join(
        f"- config_name: {subset}\n  data_files:\n"
        + "".join(f"  - split: {split}\n    path: data/{subset}/{split}.parquet\n" for split in splits)
        for subset, splits in SUBSETS.items()
    )
    terms = "".join(f"| {source} | {licence} |\n" for source, licence in sorted(licences.items()))
    sizes = ", ".join(f"{name} {number}" for name, number in counts.items())
    text = (
        f"---\nconfigs:\n{configs}---\n\n# Infrared images: captions and task questions\n\n"
        f"Built from annotations by `python -m core.data.build`. Rows: {sizes}. Images are named, not included.\n"
        "Re-identification boards of one registered pair are a proxy (ids with `/reid_proxy/`).\n\n"
        f"| source | licence |\n|---|---|\n{terms}"
    )
    write_whole(out / "README.md", text.encode())


def write_manifest(out: Path, names: list[str], told: Mapping[str, Any]) -> dict[str, Any]:
    """manifest.json with the sha256 of every file; returns it."""
    files = {name: sha256_of(out / name) for name in sorted(names)}
    manifest = {"format": FORMAT, **told, "files": files}
    write_whole(out / "manifest.json", (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode())
    return manifest
