"""Rule-based captions: a global one from the annotations, a fine one from what is measured in the pixels."""

import random
import re
from dataclasses import dataclass

import numpy as np

from core.data.objects import area, by_category, cell_name, counted, listed, objects, places, plural
from core.data.records import Box, Record
from core.thermal import ThermalImage

MAX_WORDS = 55  # keeps both captions under CLIP's 77 tokens
SURFACES = {"sky": "open sky", "cloud": "clouds", "tree": "trees", "building": "buildings", "mountain": "mountains"}


@dataclass(frozen=True)
class Caption:
    """`global_` starts "An infrared thermal image of", `fine` "Thermal infrared image"; both within 77 CLIP tokens."""

    global_: str
    fine: str

    def as_json(self) -> dict[str, str]:
        return {"caption_global": self.global_, "caption_fine": self.fine}


def captions(record: Record, image: ThermalImage | None, rng: random.Random) -> Caption:
    """Both captions of a record; without an image the fine one names sizes and places, but no brightness."""
    boxes = objects(record)
    return Caption(_sentence(f"An infrared thermal image of {_scene(record, boxes, rng)}"),
                   _sentence(f"Thermal infrared image {_measured(record, boxes, image, rng)}"))  # fmt: skip


def backgrounds(record: Record) -> list[str]:
    """The surfaces that a scene prompt names: "... in the sky and cloud background" -> ["sky", "cloud"]."""
    found = re.search(r"in the (.+) background", record.scene.get("prompt", ""))
    return re.split(r" and | ", found[1]) if found else []


def _scene(record: Record, boxes: tuple[Box, ...], rng: random.Random) -> str:
    """Everything after "An infrared thermal image of"."""
    stock = _stock(record, boxes, rng)
    match record.source:
        case "hit_uav":
            when = rng.choice(["by day", "in daytime"] if record.scene["time"] == "day" else ["at night", "after dark"])
            height = f"{record.scene['altitude_m']} meters"
            stock = stock or "no labeled people or vehicles"
            tilt = int(record.scene["camera_angle_deg"])
            looking = "straight down" if tilt == 90 else rng.choice([f"down at {tilt} degrees", f"{tilt} degrees down"])
            return rng.choice([
                f"the ground {when}, seen from a drone {height} up looking {looking}, with {stock}",
                f"{stock}, taken {when} from a drone at {height} that looks {looking}",
                f"an aerial scene {when} with {stock}, the drone camera looking {looking} from {height}",
            ])  # fmt: skip
        case "drone_ir":
            return rng.choice([f"{stock}", f"a sky watch with {stock}", f"a surveillance view that holds {stock}"])
        case "cheetah":
            return rng.choice([f"{stock} outdoors", f"a wildlife enclosure with {stock}", f"open ground with {stock}"])
        case "roadscene":
            road = rng.choice(["a road seen from a car", "street traffic from a driver's view", "a road ahead of a car"])
            return f"{road} with {stock}" if stock else road
        case _:
            surfaces = [SURFACES.get(name, f"the {name}") for name in backgrounds(record)]
            ground = listed(surfaces) if surfaces else "a natural or built background"
            stock = stock or "no small target"
            return rng.choice([f"{ground} with {stock}", f"{stock} against {ground}", f"a view of {ground}, {stock}"])


def _stock(record: Record, boxes: tuple[Box, ...], rng: random.Random) -> str:
    """ "three cars along the left side and one person in the center"; "" when nothing is labeled."""
    size = (record.width, record.height)
    parts = []
    for category, group in list(by_category(boxes).items())[:3]:
        name = counted(len(group), category)
        if len(group) == 1 and category != "small target":
            name = name.replace("one ", f"{rng.choice(['a', 'one'])} {_extent(group[0], record)} ", 1)
        if "dont_care" in record.scene and category == "person":
            name = f"at least {name}"
        parts.append(f"{name} {places(group, size)}")
    return listed(parts) if parts else ""


def _extent(box: Box, record: Record) -> str:
    share = (area(box) / (record.width * record.height)) ** 0.5
    return next(word for limit, word in ((0.03, "tiny"), (0.1, "small"), (0.3, "mid-sized"), (9, "large")) if share < limit)


def _measured(record: Record, boxes: tuple[Box, ...], image: ThermalImage | None, rng: random.Random) -> str:
    """Everything after "Thermal infrared image": brightness against the surround, sizes, brightest and darkest parts."""
    subject = {"hit_uav": "of the ground from above", "drone_ir": "of the sky", "roadscene": "of a road",
               "cheetah": "of open ground"}.get(record.source, f"of {listed(backgrounds(record) or ['a scene'])}")  # fmt: skip
    groups = list(by_category(boxes).items())[:2]
    sizes = [f"{_named(category, len(group))} about {_pixels(group)} pixels" for category, group in groups]
    if image is None:
        return f"{subject}: {listed(sizes) if sizes else 'nothing labeled'}"
    view = image.view8().astype(np.float32)
    told = [f"{_named(category, len(group))} ({_pixels(group)} pixels) {_contrast(view, group, rng)}" for category, group in groups]
    ground = _ground(view, rng)
    return f"{subject}: {listed([*told, ground])}" if rng.random() < 0.5 else f"{subject}, {ground}; {listed(told or ['no labeled object'])}"


def _named(category: str, number: int) -> str:
    return f"the {category}" if number == 1 else f"the {number} {plural(category)}"


def _pixels(group: list[Box]) -> str:
    width = np.median([box.xyxy[2] - box.xyxy[0] for box in group])
    height = np.median([box.xyxy[3] - box.xyxy[1] for box in group])
    return f"{width:.0f} by {height:.0f}"


def contrast(view: np.ndarray, box: Box) -> float:
    """Grey levels by which the box's mean differs from the ring around it, half its size wide but at least 3 pixels.

    `view`: (H, W), 0-255. 0 where the ring is empty.
    """
    height, width = view.shape
    x1, y1, x2, y2 = (round(v) for v in box.xyxy)
    x1, y1 = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    mx, my = max(3, (x2 - x1) // 2), max(3, (y2 - y1) // 2)
    inside = view[y1:y2, x1:x2]
    outside = view[max(0, y1 - my) : y2 + my, max(0, x1 - mx) : x2 + mx]
    ring = outside.size - inside.size
    return float(inside.mean() - (outside.sum() - inside.sum()) / ring) if ring else 0.0


def _contrast(view: np.ndarray, group: list[Box], rng: random.Random) -> str:
    levels = [contrast(view, box) for box in group]
    mean = float(np.median(levels))
    verb = "is" if len(group) == 1 else "are"
    if len(group) > 2 and min(levels) < -8 and max(levels) > 8:
        bright = sum(level > 0 for level in levels)
        return f"{verb} mixed, {bright} brighter and {len(levels) - bright} darker than the surround"
    if abs(mean) < 4:
        return f"{verb} {rng.choice(['about as bright as', 'hardly set off from'])} the surround"
    degree = next(word for limit, word in ((12, "slightly "), (35, ""), (70, "clearly "), (999, "far ")) if abs(mean) < limit)
    side = "brighter" if mean > 0 else "darker"
    return f"{verb} {degree}{side} than the surround by {abs(mean):.0f} gray levels"


def _ground(view: np.ndarray, rng: random.Random) -> str:
    """The frame as a whole: level, texture, brightest and darkest ninth."""
    rows, columns = (np.array_split(np.arange(n), 3) for n in view.shape)
    means = np.array([[view[np.ix_(r, c)].mean() for c in columns] for r in rows])
    level = next(word for limit, word in ((60, "dark"), (110, "rather dark"), (160, "mid-gray"), (256, "bright")) if view.mean() < limit)
    smooth = next(word for limit, word in ((6, "even"), (15, "lightly textured"), (999, "strongly textured")) if np.abs(np.diff(view)).mean() * 3 < limit)
    frame = rng.choice([f"a {level}, {smooth} frame", f"the frame {level} and {smooth}"])
    if np.ptp(means) < 8:
        return f"{frame}, equally bright all over"
    bright, dark = (divmod(int(pick(means)), 3) for pick in (np.argmax, np.argmin))
    return f"{frame}, brightest toward the {cell_name(*bright[::-1])} and darkest toward the {cell_name(*dark[::-1])}"


def _sentence(text: str) -> str:
    words = text.split()
    return " ".join(words[:MAX_WORDS]).rstrip(",;: ") + "."
