"""The build's work folder: records in shards of JSON lines, one result file a shard and stage, and what makes them.

A result's name holds the digest of all it depends on, so an interrupted build goes on where it stopped and a changed
input is never mixed with old results. Memory does not grow with the number of records.
"""

import hashlib
import json
import logging
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from core.data.records import Box, Exchange, Record
from core.errors import InputError

SHARD = 256  # records
Row = dict[str, Any]
Stage = Callable[[Sequence[str]], Iterable[Row]]  # the lines of a shard's files -> one row a record
PATHS = ("image", "mask", "visible")
ALWAYS = ("id", "image", "source", "licence", "group", "split", "official")


def to_row(record: Record) -> Row:
    """A record as JSON-able values; empty fields are left out."""
    row: Row = {name: value for name, value in vars(record).items() if value or value is False or name in ALWAYS}
    row |= {name: str(row[name]) for name in PATHS if name in row}
    row |= {name: [[b.category, *b.xyxy, b.identity] for b in row[name]] for name in ("boxes", "visible_boxes")
            if name in row}  # fmt: skip
    if record.published:
        row["published"] = [[e.task, e.question, e.answer] for e in record.published]
    return row


def of_row(row: Row) -> Record:
    """The inverse of `to_row`; other keys are left aside."""
    kept: Row = {"width": 0, "height": 0} | {name: row[name] for name in Record.__dataclass_fields__ if name in row}
    kept |= {name: Path(kept[name]) for name in PATHS if name in kept}
    kept |= {name: tuple(Box(b[0], (b[1], b[2], b[3], b[4]), b[5]) for b in kept[name])
             for name in ("boxes", "visible_boxes") if name in kept}  # fmt: skip
    return Record(**kept | {"published": tuple(Exchange(*e) for e in kept.get("published", ()))})


def write_shards(records: Iterator[Record], work: Path) -> list[Path]:
    """Every record as one line; files are named by number and content, the images' sizes and times included."""
    shards: list[Path] = []
    while batch := list(islice(records, SHARD)):
        lines = "".join(_line(to_row(record) | {"stat": _stat(record.image)}) for record in batch)
        digest = hashlib.sha256(lines.encode()).hexdigest()[:16]
        shards.append(work / f"{len(shards):06}-{digest}.jsonl")
        if not shards[-1].is_file():
            write_whole(shards[-1], lines.encode())
    return shards


def _stat(path: Path) -> list[int]:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return []
    return [found.st_size, found.st_mtime_ns]


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


def write_whole(path: Path, data: bytes) -> None:
    """The file appears under its name with all its bytes or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_bytes(data)
    os.replace(part, path)


def lines_of(path: Path) -> list[str]:
    """The lines of one shard or result."""
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def rows_of(path: Path) -> list[Row]:
    """The same, parsed."""
    return [json.loads(line) for line in lines_of(path)]


def digest_of(*parts: Any) -> str:
    """16 hexadecimal digits that name what a result depends on."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:16]


def code_digest() -> str:
    """The digest of the source files that decide a build's bytes."""
    core = Path(__file__).parents[1]
    files = [*sorted((core / "data").rglob("*.py")), core / "thermal.py", core / "radiometric.py"]
    return digest_of(*(hashlib.sha256(file.read_bytes()).hexdigest() for file in files))


def result_path(shard: Path, name: str, key: str) -> Path:
    """Where a stage's result for a shard lies."""
    return shard.with_name(f"{shard.stem}.{name}-{key}.jsonl")


def make_results(
    stage: Stage, name: str, key: str, shards: Sequence[Path], engine: str, num_proc: int
) -> Iterator[list[Path]]:
    """Run a stage over all shards, done ones left out; yields after each shard how far it is, ends with all results.

    `stage` must be picklable. Raises InputError for an engine that is not installed.
    """
    results = [result_path(shard, name, key) for shard in shards]
    todo = [(str(s), str(r)) for s, r in zip(shards, results, strict=True) if not r.is_file()]
    work = partial(_make, stage)
    if engine == "ray":
        done: Iterable[Any] = _ray(work, todo, num_proc)
    elif num_proc > 1 and len(todo) > 1:
        done = _pool(work, todo, num_proc)
    else:
        done = map(work, todo)
    for _ in done:
        yield results
    yield results


def _make(stage: Stage, item: tuple[str, str]) -> None:
    shard, result = map(Path, item)
    write_whole(result, "".join(map(_line, stage(lines_of(shard)))).encode())


def _pool(work: Callable[[tuple[str, str]], None], todo: Sequence[tuple[str, str]], num_proc: int) -> Iterator[None]:
    with ProcessPoolExecutor(num_proc, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(work, todo)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ray(work: Callable[[tuple[str, str]], None], todo: Sequence[tuple[str, str]], num_proc: int) -> Iterator[None]:
    """Ray Data over the shards; workers on other machines need the same folders."""
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise InputError("--engine ray needs Ray: pip install 'ray[data]', or leave --engine out.") from error
    if not todo:
        return
    if not ray.is_initialized():
        try:
            ray.init(num_cpus=num_proc, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises nothing narrower
            raise InputError("Ray could not start on this machine; try again, or leave --engine out.") from error
    ray.data.DataContext.get_current().enable_progress_bars = False

    def apply(row: Row) -> Row:
        work((row["shard"], row["result"]))
        return {"done": True}

    rows = [{"shard": shard, "result": result} for shard, result in todo]
    for _ in ray.data.from_items(rows, override_num_blocks=len(rows)).map(apply).iter_rows():
        yield
