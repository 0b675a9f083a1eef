"""Mask small targets in images, folders and video clips: python -m core.lgnet.segment IMAGE... --out DIR

Memory does not grow with the number of images. Started again with the same --out and settings it goes on where it
stopped: DIR/segment.jsonl holds a line for each image that is done.
"""

import argparse
import csv
import json
import os
import resource
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from tqdm import tqdm

from core import cli
from core.errors import InputError
from core.lgnet.frames import Frame, find_sources, read_frames
from core.lgnet.predictor import LGNetPredictor, segment
from core.palettes import png_bytes

JOURNAL, TABLE = "segment.jsonl", "targets.csv"
COLUMNS = ("image", "target", "x", "y", "area_px", "score", "region")


class Journal:
    """What is done: settings in the first line, then one record a line. Other settings start it anew."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings
        self.records: dict[str, dict[str, Any]] = {}
        self.file: TextIO | None = None
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        parsed = [line for line in map(_parsed, lines) if line]
        if parsed and parsed[0] == settings:
            done = (r for r in parsed[1:] if {"image", "mask", "targets"} <= set(r))
            self.records = {r["image"]: r for r in done if Path(r["mask"]).is_file()}

    def add(self, record: dict[str, Any]) -> None:
        """Remember one image as done, on disk at once."""
        self.records[record["image"]] = record
        if self.file is None:
            self._start()
        else:
            self._write(self.file, record)

    def _start(self) -> None:
        """A new journal of all that is known; a stop at any moment leaves the old one or this."""
        new = self.path.with_suffix(".new")
        self.file = new.open("w", encoding="utf-8")
        for line in (self.settings, *self.records.values()):
            self._write(self.file, line)
        os.replace(new, self.path)

    def _write(self, file: TextIO, line: dict[str, Any]) -> None:
        file.write(json.dumps(line) + "\n")
        file.flush()


def _parsed(line: str) -> dict[str, Any] | None:
    """A journal line; None for one that a stop cut short."""
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command. Of several images a bad one is reported and skipped; when none is left, exit code 2."""
    if not 0 <= args.threshold <= 1:
        raise InputError(f"--threshold is a probability between 0 and 1, not {args.threshold}.")
    sources = find_sources(args.images)
    settings = {"text": args.text, "threshold": args.threshold, "model": args.model}
    journal = Journal(args.out / JOURNAL, settings)
    taken = {Path(record["mask"]).name for record in journal.records.values()}
    predictor: LGNetPredictor | None = None
    keys, problems, started = [], [], time.monotonic()
    before = len(journal.records)
    bar = tqdm(total=sum(s.frames for s in sources), unit="image", disable=None)
    for frame in (f for source in sources for f in read_frames(source)):
        if isinstance(frame.image, InputError):
            problems.append(str(frame.image))
            if len(sources) > 1 or sources[0].clip:
                tqdm.write(f"skipped: {frame.image}", file=sys.stderr)
        else:
            if frame.key not in journal.records:
                predictor = predictor or LGNetPredictor.from_weights(args.model)
                args.out.mkdir(parents=True, exist_ok=True)
                journal.add(mask_frame(predictor, frame, args, taken))
                report(journal.records[frame.key])
            keys.append(frame.key)
        bar.update()
    bar.close()
    if not keys:
        several = f"None of {len(problems)} images can be read, the first because: "
        raise InputError(several * (len(problems) > 1) + problems[0])
    records = [journal.records[key] for key in keys]
    with (args.out / TABLE).open("w", encoding="utf-8", newline="") as file:
        write_table(file, records)
    seconds, fresh = time.monotonic() - started, len(journal.records) - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(keys)} images, {len(keys) - fresh} of them done before, {len(problems)} skipped; "
          f"{fresh / seconds:.2f} images/s, peak memory {peak:.0f} MiB; table: {args.out / TABLE}")  # fmt: skip
    return {"images": records}


def mask_frame(predictor: LGNetPredictor, frame: Frame, args: argparse.Namespace, taken: set[str]) -> dict[str, Any]:
    """Write the mask of a frame and return its record; `taken` holds the mask names that are in use."""
    assert not isinstance(frame.image, InputError)
    found = segment(predictor.probability(frame.image, args.text), args.threshold)
    name, number = f"{frame.stem}_mask.png", 1
    while name in taken:  # two inputs of equal name must not overwrite each other
        name, number = f"{frame.stem}_{number}_mask.png", number + 1
    taken.add(name)
    (args.out / name).write_bytes(png_bytes(found.mask))
    return {"image": frame.key, "targets": [asdict(t) for t in found.targets], "mask": str(args.out / name)}


def report(record: dict[str, Any]) -> None:
    """Print one record."""
    tqdm.write(f"{record['image']}: {len(record['targets'])} target(s)")
    for t in record["targets"]:
        x, y = t["centroid_xy"]
        tqdm.write(f"  ({x:.1f}, {y:.1f})  {t['area_px']} px  score {t['score']:.2f}  {t['region']}")


def write_table(file: TextIO, records: list[dict[str, Any]]) -> None:
    """CSV, one row a target."""
    rows = csv.writer(file)
    rows.writerow(COLUMNS)
    for r in records:
        for number, t in enumerate(r["targets"], 1):
            rows.writerow([r["image"], number, *t["centroid_xy"], t["area_px"], t["score"], t["region"]])


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.segment", description="Mask small infrared targets.")
    p.add_argument("images", type=Path, nargs="+", metavar="IMAGE", help="image files, folders of them, video clips")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where masks (PNG, 0 and 255) and table go")
    p.add_argument("--text", default="", help="what is known of the target, in words")
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument("--model", default="bundled/lgnet", metavar="NAME")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
