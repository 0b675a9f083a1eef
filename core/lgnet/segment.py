"""Mask small targets: python -m core.lgnet.segment IMAGE... --out DIR"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from core import cli
from core.errors import InputError
from core.lgnet.predictor import LGNetPredictor, segment
from core.palettes import png_bytes
from core.thermal import read_thermal


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command. With several images a bad one is reported and skipped; when none is left, exit code 2."""
    if not 0 <= args.threshold <= 1:
        raise InputError(f"--threshold is a probability between 0 and 1, not {args.threshold}.")
    images, problems = [], []
    for path in args.images:
        try:
            images.append((path, read_thermal(path)))
        except InputError as error:
            problems.append(str(error))
    if not images:
        raise InputError(" ".join(problems))
    for problem in problems:
        print(f"skipped: {problem}", file=sys.stderr)
    predictor = LGNetPredictor.from_weights(args.model)
    args.out.mkdir(parents=True, exist_ok=True)
    results, used = [], set[str]()
    for path, image in images:
        found = segment(predictor.probability(image, args.text), args.threshold)
        stem = Path(image.name).stem
        name = f"{stem}_mask.png"
        while name in used:  # two inputs of equal name must not overwrite each other
            name = f"{stem}_{len(used)}_mask.png"
        used.add(name)
        (args.out / name).write_bytes(png_bytes(found.mask))
        print(f"{path}: {len(found.targets)} target(s)")
        for t in found.targets:
            x, y = t.centroid_xy
            print(f"  ({x:.1f}, {y:.1f})  {t.area_px} px  score {t.score:.2f}  {t.region}")
        results.append(
            {"image": str(path), "targets": [asdict(t) for t in found.targets], "mask": str(args.out / name)}
        )
    return {"images": results}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.lgnet.segment", description="Mask small infrared targets.")
    p.add_argument("images", type=Path, nargs="+", metavar="IMAGE")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the masks go (PNG, 0 and 255)")
    p.add_argument("--text", default="", help="what is known of the target, in words")
    p.add_argument("--threshold", type=float, default=0.5)
    p.add_argument("--model", default="bundled/lgnet", metavar="NAME")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
