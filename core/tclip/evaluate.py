"""Retrieval in both directions on a caption file.

python -m core.tclip.evaluate --captions FILE.jsonl --images DIR [--adapter none|global|fine|dual]
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from core import cli
from core.tclip.builders import ADAPTERS, FUSION_ALPHA
from core.tclip.dataset import CaptionedImage, read_captions
from core.tclip.index import fuse
from core.tclip.metrics import retrieval, trivial
from core.thermal import read_thermal

if TYPE_CHECKING:
    from core.tclip.predictor import ThermalCLIP

DECODED = 256  # images held in memory at a time


def embed(
    model: "ThermalCLIP", rows: list[CaptionedImage], adapter: str, alpha: float = FUSION_ALPHA
) -> tuple[np.ndarray, np.ndarray]:
    """(image vectors, text vectors), each (N, D) unit rows.

    Args:
        adapter: "global" and "fine" see their own captions; "dual" fuses both branches; "none" is the same fusion of
            both captions without adapters.
    """
    branches = (adapter,) if adapter in ADAPTERS else ADAPTERS
    switched = ["none" if adapter == "none" else branch for branch in branches]
    parts: list[list[np.ndarray]] = []
    for start in range(0, len(rows), DECODED):
        features = model.features([read_thermal(row.image) for row in rows[start : start + DECODED]])
        parts.append([model.project(features, name) for name in switched])
    images = [np.concatenate(part) for part in zip(*parts, strict=True)]
    captions = [[row.caption_global if b == "global" else row.caption_fine for row in rows] for b in branches]
    texts = [model.encode_texts(c, name) for c, name in zip(captions, switched, strict=True)]
    if len(branches) == 1:
        return images[0], texts[0]
    return fuse(images, alpha), fuse(texts, alpha)


def main(args: argparse.Namespace) -> dict[str, Any]:
    """The command."""
    rows = read_captions(args.captions, args.images)
    from core.tclip.predictor import ThermalCLIP  # after the checks: importing the model takes seconds

    with torch.inference_mode():
        figures = retrieval(*embed(ThermalCLIP.from_weights(args.model), rows, args.adapter, args.alpha))
    result: dict[str, Any] = {
        "n": len(rows),
        "adapter": args.adapter,
        **figures,
        "distinct_captions": len({(row.caption_global, row.caption_fine) for row in rows}),
        "chance": trivial(["" for _ in rows]),
    }
    if all(row.source for row in rows):
        result["source_only"] = trivial([row.source for row in rows])
    print(f"{len(rows)} images, {result['distinct_captions']} distinct captions, adapter {args.adapter}")
    names = {"i2t": "image to text", "t2i": "text to image", "chance": "random ranking", "source_only": "data set only"}
    for key, name in names.items():
        if key in result:
            r = result[key]
            print(f"{name:14}  R@1 {r['r1']:.3f}  R@5 {r['r5']:.3f}  R@10 {r['r10']:.3f}")
    return result


def parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    p = argparse.ArgumentParser(prog="python -m core.tclip.evaluate", description=__doc__.splitlines()[0])
    p.add_argument("--captions", type=Path, required=True, metavar="FILE", help="JSON lines")
    p.add_argument("--images", type=Path, required=True, metavar="DIR", help="what image names are relative to")
    p.add_argument("--adapter", default="dual", choices=("none", *ADAPTERS, "dual"))
    p.add_argument("--alpha", type=float, default=FUSION_ALPHA, metavar="A",
                   help=f"weight of the global branch, 0 to 1 (default: {FUSION_ALPHA})")  # fmt: skip
    p.add_argument("--model", default="bundled/tclip", metavar="NAME", help="bundled/tclip, a run folder or a Hub id")
    return p


if __name__ == "__main__":
    cli.run(parser(), main)
