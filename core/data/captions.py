"""Rule-based captions: a global one from the annotations, a fine one from what is measured in the pixels."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.data.objects import area, by_category, counted, listed, objects, places
from core.data.pixels import contrast, contrast_words, extremes, frame_words
from core.data.records import Box, Record
from core.thermal import ThermalImage

MAX_WORDS = 50  # keeps both captions within CLIP's 77 tokens; a test counts them over the whole build
SURFACES = {"sky": "open sky", "cloud": "clouds", "tree": "trees", "building": "buildings", "mountain": "mountains"}
SUBJECTS = {
    "hit_uav": "the ground from above",
    "drone_ir": "a sky watch",
    "roadscene": "a road",
    "cheetah": "open ground",
    "sirst_backgrounds": "a background",
}
Group = tuple[str, list[Box]]  # one category and its boxes
SIZES = ((0.03, "tiny"), (0.1, "small"), (0.3, "mid-sized"))  # square root of the share of the image


@dataclass(frozen=True)
class Caption:
    """`global_` starts "An infrared thermal image of", `fine` "Thermal infrared image"; both within 77 CLIP tokens."""

    global_: str
    fine: str

    def as_json(self) -> dict[str, str]:
        return {"caption_global": self.global_, "caption_fine": self.fine}


def captions(record: Record, image: ThermalImage | None, rng: random.Random) -> Caption:
    """Both captions of a record; without an image the fine one tells sizes and places, but no brightness."""
    groups = list(by_category(objects(record)).items())
    view = None if image is None else image.view8().astype(np.float32)
    return Caption(
        _fitted(lambda most: f"An infrared thermal image of {_scene(record, groups[:most], view, rng)}."),
        _fitted(lambda most: f"Thermal infrared image of {_measured(record, groups[:most], view, rng)}."),
    )


def backgrounds(record: Record) -> list[str]:
    """The surfaces that a scene prompt names: "... in the sky and cloud background" -> ["sky", "cloud"]."""
    found = re.search(r"in the (.+) background", record.scene.get("prompt", ""))
    return re.split(r" and | ", found[1]) if found else []


def _fitted(caption: Callable[[int], str]) -> str:
    """The caption with as many categories as the length allows: three, two or one."""
    return next((text for most in (3, 2) if len((text := caption(most)).split()) <= MAX_WORDS), None) or caption(1)


def _scene(record: Record, groups: list[Group], view: np.ndarray | None, rng: random.Random) -> str:
    """The scene and what stands where in it."""
    stock = listed([_stock(record, name, group, rng) for name, group in groups])
    match record.source:
        case "hit_uav":
            by_day = record.scene["time"] == "day"
            when = rng.choice(("by day", "in daytime") if by_day else ("at night", "after dark"))
            height, tilt = f"{record.scene['altitude_m']} meters", record.scene["camera_angle_deg"]
            tilted = rng.choice((f"down at {tilt} degrees", f"{tilt} degrees down"))
            looking = "straight down" if tilt == "90" else tilted
            stock = stock or "no labeled people or vehicles"
            forms: tuple[str, ...] = (
                f"the ground {when}, seen from a drone {height} up looking {looking}, with {stock}",
                f"{stock}, taken {when} from a drone at {height} that looks {looking}",
                f"an aerial scene {when} with {stock}, the drone camera looking {looking} from {height}",
            )
        case "drone_ir":
            forms = (f"{stock}, seen from the ground", f"a sky watch with {stock}", f"a surveillance view with {stock}")
        case "cheetah":
            forms = (f"{stock} outdoors", f"a wildlife enclosure with {stock}", f"open ground with {stock}")
        case "roadscene":
            road = rng.choice(("a road seen from a car", "the street in front of a driver", "a road ahead of a car"))
            forms = (f"{road} with {stock}", f"{stock} on {road}") if stock else (road,)
        case _:
            ground, stock = _ground(record, view), stock or "no small target"
            forms = (f"{ground} with {stock}", f"{stock} against {ground}", f"a view of {ground} that holds {stock}")
    return rng.choice(forms)


def _ground(record: Record, view: np.ndarray | None) -> str:
    """The surfaces of the scene prompt; where there is none, how bright the frame's ends are."""
    if surfaces := backgrounds(record):
        return listed([SURFACES.get(name, f"the {name}") for name in surfaces])
    bright, dark = ("", "") if view is None else extremes(view)
    return f"a background bright toward the {bright} and dark toward the {dark}" if bright else "a level background"


def _stock(record: Record, category: str, group: list[Box], rng: random.Random) -> str:
    """ "three cars mostly along the left side", "a small person in the center"."""
    name = counted(len(group), category)
    if len(group) == 1 and category != "small target":
        share = (area(group[0]) / (record.width * record.height)) ** 0.5
        size = next((word for limit, word in SIZES if share < limit), "large")
        name = f"{rng.choice(('a', 'one'))} {size} {category}"
    if "dont_care" in record.scene and category == "person":
        name = f"at least {name}"
    return f"{name} {places(group, (record.width, record.height))}"


def _measured(record: Record, groups: list[Group], view: np.ndarray | None, rng: random.Random) -> str:
    """The objects' sizes and brightness against their surround, and the frame's brightest and darkest parts."""
    subject = SUBJECTS.get(record.source) or _ground(record, None)
    told = []
    for category, group in groups[:2]:
        width, height = (np.median([box.xyxy[i + 2] - box.xyxy[i] for box in group]) for i in (0, 1))
        where = places(group, (record.width, record.height))
        thing = f"{counted(len(group), category)} {where}, {width:.0f} by {height:.0f} pixels"
        levels = [] if view is None else [contrast(view, box) for box in group]
        told.append(f"{thing}, {contrast_words(levels)}" if levels else thing)
    if view is None:
        return f"{subject}: {'; '.join(told) or 'no labeled object'}"
    frame, stock = frame_words(view), "; ".join(told) or "no labeled object"
    return rng.choice(
        (
            f"{subject} with {stock}; the frame is {frame}",
            f"{subject}, {frame}; it holds {stock}",
            f"{subject}: {stock}; as a whole {frame}",
        )
    )
