"""`python -m core.data.build`: captions and task questions from annotated infrared images, in three subsets.

The same inputs and seed give the same bytes, whatever the number of processes, the engine, and however often the
build was interrupted: start the same command again and it goes on where it stopped.
"""

import argparse
import hashlib
import json
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from core.cli import run
from core.data import shards as work_files
from core.data.conversations import conversation
from core.data.duplicates import DISTANCE
from core.data.outputs import SUBSETS, Outputs, write_card, write_manifest
from core.data.questions import Draws
from core.data.readers import FORMATS, PUBLISHED, READERS, read_known, read_source
from core.data.records import Record
from core.data.reid import boards, sightings
from core.data.report import Stats, render
from core.data.shards import Row, digest_of, make_results, of_row, rows_of, write_whole
from core.data.splits import SPLITS, Splits, assign
from core.data.stages import Ask, Look, name_of, save_png, settled
from core.errors import InputError

ENGINES = ("local", "ray")
FITTED = 20_000  # records a split that the draws of questions are fitted on: a sample by id keeps memory flat
SHOWN = 6  # clusters, boards and crops in the report


def build(
    data: Path, out: Path, seed: int = 0, per_image: int | None = None, sources: Sequence[str] = (),
    num_proc: int = 1, engine: str = "local", records: Iterable[Record] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Build everything that `core.data.outputs` lists into `out`; the manifest, with counts a split, task and source.

    `sources`: more data as FORMAT=LOCATION; `records`: instead of all that. Raises InputError.
    """
    if per_image is not None and per_image < 1:
        raise InputError("--per-image must be at least 1.")
    if num_proc < 1:
        raise InputError("--num-proc must be at least 1.")
    out.mkdir(parents=True, exist_ok=True)
    work, key = out / ".work", digest_of(work_files.code_digest(), seed, data.resolve(), out.resolve())
    found = _records(data, out / "images" / "sources", sources) if records is None else iter(records)
    shards = work_files.write_shards(found, work / "records")
    if not shards:
        raise InputError("The sources hold no image; check --data and --source.")
    looks = _run(Look(data, out, seed), "look", key, shards, engine, num_proc)
    splits = _splits(shards, looks)
    staying = list(_settle(shards, looks, splits, work / "settled"))
    draws = _draws(staying, splits)
    key = digest_of(key, per_image, *(shard.name for shard in staying))
    asks = _run(Ask(data, seed, per_image, draws), "ask", key, staying, engine, num_proc)
    manifest = _assemble(data, out, seed, per_image, staying, looks, asks, splits)
    shutil.rmtree(work)
    return manifest


def _records(data: Path, store: Path, sources: Sequence[str]) -> Iterator[Record]:
    known = any((data / name).is_dir() for name in (*READERS, *PUBLISHED))
    return chain(read_known(data) if known or not sources else (), *(read_source(s, data, store) for s in sources))


def _run(stage: Any, name: str, key: str, shards: list[Path], engine: str, num_proc: int) -> list[Path]:
    results: list[Path] = []
    for done, results in enumerate(make_results(stage, name, key, shards, engine, num_proc), 1):  # noqa: B007
        if sys.stderr.isatty():
            print(f"\r{name}: {done}/{len(shards)} shards", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    return results


def _splits(shards: Sequence[Path], looks: Sequence[Path]) -> Splits:
    """Splits of all records; those that were rejected before have -1 and no test record that keeps them out."""
    names = ("hash", "group", "proposed", "official", "id")
    columns: dict[str, list[np.ndarray]] = {name: [] for name in names}
    for shard, look in zip(shards, looks, strict=True):
        rows = [(r, seen) for r, seen in zip(rows_of(shard), rows_of(look), strict=True)]
        here: dict[str, list[int]] = {name: [] for name in names}
        for row, seen in rows:
            here["hash"].append(int(seen.get("phash", "0"), 16))
            here["group"].append(_number(row["group"]))
            here["proposed"].append(-1 if "reject" in seen else SPLITS.index(row["split"]))
            here["official"].append(row["official"])
            here["id"].append(_number(row["id"]))
        for name, values in here.items():
            columns[name].append(np.array(values, np.int8 if name == "proposed" else np.uint64))
    table = {name: np.concatenate(parts) for name, parts in columns.items()}
    stays = np.flatnonzero(table["proposed"] >= 0)
    if len(np.unique(table["id"][stays])) < len(stays):
        raise InputError("Two sources give the same ids; rename the folder of one of them.")
    made = assign(table["hash"][stays], table["group"][stays], table["proposed"][stays], table["official"][stays] > 0)
    number = len(table["id"])
    split, of, cluster = np.full(number, -1, np.int8), np.full(number, -1, np.int64), np.full(number, -1, np.int64)
    split[stays], cluster[stays] = made.split, made.cluster
    kept_out = made.of >= 0
    of[stays[kept_out]] = stays[made.of[kept_out]]
    return Splits(split, of, cluster)


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _settle(shards: Sequence[Path], looks: Sequence[Path], splits: Splits, folder: Path) -> Iterator[Path]:
    """The shards again, each line with the image's size and the final split ("" = kept out) in front of its end."""
    for number, (shard, look) in enumerate(zip(shards, looks, strict=True)):
        lines = []
        own = splits.split[number * work_files.SHARD : (number + 1) * work_files.SHARD]
        for line, seen, split in zip(work_files.lines_of(shard), rows_of(look), own, strict=True):
            name = SPLITS[split] if split >= 0 else ""
            more = json.dumps({"size": seen.get("size", [0, 0]), "split": name}, separators=(",", ":"))
            lines.append(f"{line[:-1]},{more[1:]}\n")  # of two equal keys in an object the last one counts
        data = "".join(lines).encode()
        path = folder / f"{number:06}-{hashlib.sha256(data).hexdigest()[:16]}.jsonl"
        if not path.is_file():
            write_whole(path, data)
        yield path


def _draws(staying: Sequence[Path], splits: Splits) -> dict[str, Draws]:
    """How questions are drawn, for each split from its own records: all, or an even sample of FITTED."""
    draws = {}
    for code, split in enumerate(SPLITS):
        members = np.flatnonzero(splits.split == code)
        step = -(-len(members) // FITTED) or 1
        rows = rows_at(staying, members[::step])
        draws[split] = Draws.fit([settled(row) for _, row in rows if not row.get("published")])
    return draws


def rows_at(shards: Sequence[Path], positions: np.ndarray) -> Iterator[tuple[int, Row]]:
    """(position, row) for ascending positions over all shards."""
    for number in np.unique(positions // work_files.SHARD):
        lines = work_files.lines_of(shards[number])
        for position in positions[positions // work_files.SHARD == number]:
            yield int(position), json.loads(lines[position % work_files.SHARD])


def _assemble(
    data: Path, out: Path, seed: int, per_image: int | None, staying: Sequence[Path], looks: Sequence[Path],
    asks: Sequence[Path], splits: Splits,
) -> dict[str, Any]:  # fmt: skip
    """Write all files in the records' order, then the boards, the report, the card and the manifest."""
    stats, outputs, images = Stats(), Outputs(out), hashlib.sha256()
    tests = {position: row["id"] for position, row in rows_at(staying, np.unique(splits.of[splits.of >= 0]))}
    paired: dict[str, list[Record]] = defaultdict(list)  # with people in both images
    crops: list[tuple[str, Path]] = []
    position = -1
    for files in zip(staying, looks, asks, strict=True):
        for row, seen, asked in zip(*map(rows_of, files), strict=True):
            position += 1
            image = name_of(Path(row["image"]), data)
            if not row["split"]:
                other = tests.get(int(splits.of[position]))
                reason = seen.get("reject") or f"looks like the official test image '{other}' or is of its group"
                outputs.reject(of_row(row), image, reason)
                stats.reject(of_row(row), reason)
                continue
            record = settled(row)
            told = seen.get("captions", {})
            if told:
                outputs.caption(record, image, told)
            for question in asked["questions"]:
                outputs.question(record, question)
            for reason in (*seen.get("faults", ()), *filter(None, [seen.get("unpaired")])):
                outputs.reject(record, image, reason)
                stats.reject(record, reason)
            if pair := seen.get("pair"):
                outputs.pair(record, pair)
                stats.pairs += 1
                if "window" in pair:
                    stats.cropped.append(pair["residual_px"])
                    _hash_images(images, out, pair["infrared"], pair["visible"])
                    if len(crops) < SHOWN:
                        crops += [(pair[kind], out / pair[kind]) for kind in ("infrared", "visible")]
            if record.visible is not None and not record.published and any(sightings(record)):
                paired[record.split].append(record)
            stats.record(record, told, asked["questions"])
    made = [*_boards(paired, seed, out, outputs, stats, images)][:SHOWN]
    names = outputs.finish()
    told = {"seed": seed, "per_image": per_image, "distance": DISTANCE}
    counts = _duplicates(splits)
    page = render(stats, _clusters(staying, splits), counts, [*made, *crops], told)
    write_whole(out / "report.html", page.encode())
    per_task = stats.counts()
    write_card(out, _subset_sizes(per_task), stats.licences)
    return write_manifest(out, [*names, "report.html", "README.md"], told | {
        "records": counts, "subsets": _subset_sizes(per_task), "licences": dict(sorted(stats.licences.items())),
        "counts": per_task, "made_images_sha256": images.hexdigest(),
    })  # fmt: skip


def _boards(paired: dict[str, list[Record]], seed: int, out: Path, outputs: Outputs, stats: Stats,
            images: Any) -> Iterator[tuple[str, Path]]:  # fmt: skip
    """Write the re-identification boards of every split; (name, path) of each picture."""
    for split in SPLITS:
        by_id = {record.id: record for record in paired[split]}
        for board in boards(paired[split], seed):
            record = by_id[board.tiles[0].record]
            name = f"images/reid/{hashlib.sha256(board.id.encode()).hexdigest()[:16]}.png"
            save_png(board.image(), out / name)
            _hash_images(images, out, name)
            asked = conversation(board.id, name, "reid", board.question, board.answer)
            outputs.question(record, asked, own_image=True)
            proxy = " (proxy)" if "/reid_proxy/" in board.id else ""
            stats.question(split, f"{record.source}{proxy}", asked)
            yield name, out / name


def _hash_images(images: Any, out: Path, *names: str) -> None:
    for name in names:
        images.update(name.encode() + hashlib.sha256((out / name).read_bytes()).digest())


def _duplicates(splits: Splits) -> dict[str, int]:
    sizes = np.bincount(splits.cluster[splits.split >= 0])
    return {"records": len(splits.split), "kept": int((splits.split >= 0).sum()),
            "kept_out": int((splits.of >= 0).sum()), "rejected": int((splits.cluster < 0).sum()),
            "clusters": int((sizes > 1).sum()), "in_clusters": int(sizes[sizes > 1].sum())}  # fmt: skip


def _clusters(staying: Sequence[Path], splits: Splits) -> Iterator[tuple[int, list[Record]]]:
    """(size, first records) of the largest clusters of near-duplicates."""
    kept = np.flatnonzero(splits.split >= 0)
    sizes = np.bincount(splits.cluster[kept]) if len(kept) else np.zeros(0, int)
    for cluster in np.argsort(-sizes, kind="stable")[:SHOWN]:
        if sizes[cluster] > 1:
            members = kept[splits.cluster[kept] == cluster][:4]
            yield int(sizes[cluster]), [settled(row) for _, row in rows_at(staying, members)]


def _subset_sizes(counts: dict[str, dict[str, dict[str, int]]]) -> dict[str, int]:
    """Rows of the three subsets, all their splits together."""
    sizes = dict.fromkeys(SUBSETS, 0)
    for split, tasks in counts.items():
        for task, own in tasks.items():
            if task != "images":
                subset = "pretrain" if task == "captions" else "benchmark" if split == "test" else "instruction"
                sizes[subset] += sum(own.values())
    return sizes


def command(args: argparse.Namespace) -> dict[str, Any]:
    result = build(args.data, args.out, args.seed, args.per_image, args.source, args.num_proc, args.engine)
    for split, tasks in result["counts"].items():
        print(split)
        for task, sources in tasks.items():
            each = ", ".join(f"{source} {number}" for source, number in sources.items())
            print(f"  {task:20} {sum(sources.values()):6}  ({each})")
    told = result["records"]
    print(f"{told['rejected']} records could not be used and {told['kept_out']} look like official test images: "
          f"{args.out / 'rejected.jsonl'} says why. Look at {args.out / 'report.html'}.")  # fmt: skip
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, help="where the subsets, the report and the manifest go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-image", type=int, metavar="N", help="at most N questions an image")
    parser.add_argument("--source", action="append", default=[], metavar="FORMAT=LOCATION",
                        help=f"more data, may be repeated; FORMAT is one of {', '.join(FORMATS)}")  # fmt: skip
    parser.add_argument("--num-proc", type=int, default=1, metavar="N", help="processes; the bytes stay the same")
    parser.add_argument("--engine", choices=ENGINES, default="local", help="ray: Ray Data, pip install 'ray[data]'")
    run(parser, command)


if __name__ == "__main__":
    main()
