"""`python -m core.data.build`: captions and task questions of every known data set under one folder."""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.cli import run
from core.data.captions import captions
from core.data.conversations import conversation, write_lines
from core.data.questions import Draws, questions
from core.data.readers import read_all
from core.errors import InputError
from core.thermal import read_thermal

SPLITS = ("train", "val", "test")


def build(data: Path, out: Path, seed: int = 0, per_image: int | None = None) -> dict[str, Any]:
    """Write {train,val,test}.{captions,questions}.jsonl to `out`; the counts a split, source and task.

    The same data, seed and cap give the same bytes: every record has a random stream of its own.
    """
    if per_image is not None and per_image < 1:
        raise InputError("--per-image must be at least 1.")
    counts, records = Counter[tuple[str, str, str]](), read_all(data)
    out.mkdir(parents=True, exist_ok=True)
    done = 0
    for split in SPLITS:
        part = [record for record in records if record.split == split]
        draws, told, asked = Draws.fit(part), [], []
        for record in part:
            rng = random.Random(f"{seed}/{record.id}")
            image = record.image.relative_to(data).as_posix()
            told.append({"image": image, **captions(record, read_thermal(record.image), rng).as_json(),
                         "source": record.source, "id": record.id})  # fmt: skip
            made = questions(record, rng, draws=draws)
            if per_image is not None and len(made) > per_image:
                made = rng.sample(made, per_image)
            asked += [conversation(q.id, image, q.task, q.question, q.answer) for q in made]
            counts.update((split, record.source, q.task) for q in made)
            counts[split, record.source, "images"] += 1
            done += 1
            _progress(done, len(records))
        write_lines(out / f"{split}.captions.jsonl", told)
        write_lines(out / f"{split}.questions.jsonl", asked)
    return {"seed": seed, "images": len(records), "counts": _nested(counts)}


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty() and (done % 50 == 0 or done == total):
        print(f"\r{done}/{total} images", end="\n" if done == total else "", file=sys.stderr, flush=True)


def _nested(counts: Mapping[tuple[str, str, str], int]) -> dict[str, dict[str, dict[str, int]]]:
    nested: dict[str, dict[str, dict[str, int]]] = {}
    for (split, source, task), number in sorted(counts.items()):
        nested.setdefault(split, {}).setdefault(task, {})[source] = number
    return nested


def command(args: argparse.Namespace) -> dict[str, Any]:
    result = build(args.data, args.out, args.seed, args.per_image)
    for split, tasks in result["counts"].items():
        print(split)
        for task, sources in tasks.items():
            each = ", ".join(f"{source} {number}" for source, number in sources.items())
            print(f"  {task:20} {sum(sources.values()):6}  ({each})")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m core.data.build", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the data sets")
    parser.add_argument("--out", type=Path, required=True, help="where the JSON lines files go")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--per-image", type=int, metavar="N", help="at most N questions an image")
    run(parser, command)


if __name__ == "__main__":
    main()
