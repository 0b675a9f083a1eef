"""The first items of an empty studio: the rendered examples, their exact masks as drafts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.data.revisions import decode_mask
from labeling import masks
from labeling.items import NewItem
from labeling.studio import Studio

SOURCE, LICENCE = "rendered example", "the project's licence"
SCENES = {
    "sky": "a clear sky",
    "clouds": "broken cloud",
    "ground": "fields under a horizon",
    "sea": "the sea",
    "aerial": "a street seen from above",
}


def seed(studio: Studio, folder: Path) -> int:
    """Import the examples of a folder (truth.json, images, masks/) into a studio without items. Returns how many."""
    if studio.progress().total or not (folder / "truth.json").is_file():
        return 0
    return studio.import_items(examples(folder)).added


def examples(folder: Path) -> Iterator[NewItem]:
    """The examples as items. Their priority is below that of anything people import."""
    for truth in json.loads((folder / "truth.json").read_text(encoding="utf-8")):
        mask = decode_mask((folder / truth["mask"]).read_bytes())
        drafts = {"caption_global": _global(truth), "caption_fine": _fine(truth), "mask": masks.encode(mask)}
        data = (folder / truth["image"]).read_bytes()
        yield NewItem(data, truth["image"], SOURCE, LICENCE, f"example {truth['seed']}", drafts, priority=-1)


def _global(truth: dict[str, Any]) -> str:
    names = [target["category"] for target in truth["targets"]]
    counts = [f"{names.count(name)} {name}{'s' * (names.count(name) > 1)}" for name in sorted(set(names))]
    what = " and ".join(counts).replace("point", "point target") or "no target"
    return f"An infrared image of {SCENES.get(truth['scene'], truth['scene'])} with {what}."


def _fine(truth: dict[str, Any]) -> str:
    """One clause a target, coldest contrast last."""
    targets = sorted(truth["targets"], key=lambda target: -target["contrast_k"])
    places = [(target, *target["centre_xy"]) for target in targets]
    clauses = [f"{target['category']} at x={x:.0f}, y={y:.0f}, {target['area_px']} px" for target, x, y in places]
    return "; ".join(clauses).capitalize() + "." if clauses else ""
