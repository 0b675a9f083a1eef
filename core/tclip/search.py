"""Search a folder of thermal images.

python -m core.tclip.search --images DIR (--text T | --image FILE) [--top K] [--alpha A]
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from core import cli
from core.errors import InputError
from core.tclip.builders import FUSION_ALPHA
from core.thermal import ThermalImage, read_thermal

SUFFIXES = {".png", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".bmp"}


def read_folder(folder: Path) -> tuple[list[ThermalImage], list[str]]:
    """Images of a folder (not of its subfolders) and their file names, sorted; unreadable ones are named on stderr.

    Raises:
        InputError: no such folder, or no readable image in it.
    """
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give --images a folder of thermal images.")
    images, names = [], []
    for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file()):
        try:
            images.append(read_thermal(path))
            names.append(path.name)
        except (InputError, OSError) as error:
            print(f"skipped: {' '.join(str(error).split())}", file=sys.stderr)
    if not images:
        raise InputError(f"{folder} holds no readable image; give a folder of PNG, TIFF, JPEG, WebP or BMP files.")
    return images, names


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    query = read_thermal(args.image) if args.image else None
    images, names = read_folder(args.images)
    from core.tclip.index import ImageIndex  # after the checks: importing the model takes seconds
    from core.tclip.predictor import ThermalCLIP

    index = ImageIndex(ThermalCLIP.from_weights(args.model))
    index.add(images, names)
    hits = index.search(text=args.text, image=query, top=args.top, alpha=args.alpha)
    for hit in hits:
        print(f"{hit.score:+.3f}  {hit.name}")
    return {"hits": [{"image": hit.name, "score": hit.score} for hit in hits]}


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.tclip.search", description=__doc__.splitlines()[0])
    p.add_argument("--images", type=Path, required=True, metavar="DIR")
    query = p.add_mutually_exclusive_group(required=True)
    query.add_argument("--text", metavar="T", help="a sentence")
    query.add_argument("--image", type=Path, metavar="FILE", help="an image")
    p.add_argument("--top", type=int, default=12, metavar="K", help="number of results (default: 12)")
    p.add_argument("--alpha", type=float, default=FUSION_ALPHA, metavar="A",
                   help=f"weight of the global adapter, 0 to 1 (default: {FUSION_ALPHA})")  # fmt: skip
    p.add_argument("--model", default="bundled/tclip", metavar="NAME", help="bundled/tclip, a run folder or a Hub id")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
