"""Captions by rule: a global one from the annotations, a fine and an IR-aware one from measurements of the pixels."""

import random
import re
from collections.abc import Callable, Sequence

from core.data.aware import ir_aware
from core.data.labels import aerial, complete
from core.data.objects import Group, area, by_category, counted, listed, objects, places
from core.data.physics import inferred, measured
from core.data.pixels import View
from core.data.records import Box, Caption, Record
from core.thermal import ThermalImage

RULES = "rules 5"  # the version of the rules here and in physics.py and aware.py: change one, raise it
MAX_WORDS = 50  # keeps captions within CLIP's 77 tokens; a test counts them over the whole build
SURFACES = {
    "sky": "open sky", "cloud": "clouds", "tree": "trees", "building": "buildings", "mountain": "mountains",
    "stone": "rocks",
}  # fmt: skip
ROADS = ("roadscene", "flir_adas")
SIZES = ((0.03, "tiny"), (0.1, "small"), (0.3, "mid-sized"))  # square root of the share of the image


def captions(record: Record, image: ThermalImage | None, rng: random.Random) -> Caption:
    """All captions of a record; without an image the fine one tells sizes and places, but no brightness.

    Captions that the record's publisher gives are kept as they are.
    """
    groups = list(by_category(objects(record)).items())
    view = None if image is None else View.of(image)
    subject = _subject(record)
    told = record.captions
    global_ = _fitted(lambda most: f"An infrared thermal image of {scene(record, groups[:most], view, rng)}.")
    fine = _fitted(lambda most: f"Thermal infrared image of {measured(record, subject, groups[:most], view, rng)}.")
    aware = "" if view is None else _fitted(lambda most: ir_aware(record, groups[:most], view, rng))
    return Caption(
        told.get("global") or global_, told.get("fine") or fine, aware, inferred(record, groups, view),
        route="published" if told else "rules", maker=record.source if told else RULES,
        source_id=record.id, licence=record.licence,
    )  # fmt: skip


def backgrounds(record: Record) -> list[str]:
    """The surfaces that a scene prompt names: "... in the sky and cloud background" -> ["sky", "cloud"]."""
    found = re.search(r"in the (.+) background", record.scene.get("prompt", ""))
    return re.split(r" and | ", found[1]) if found else []


def _fitted(caption: Callable[[int], str]) -> str:
    """The caption with as many categories as the length allows: three, two or one."""
    return next((text for most in (3, 2) if len((text := caption(most)).split()) <= MAX_WORDS), None) or caption(1)


def scene(record: Record, groups: Sequence[Group], view: View | None, rng: random.Random) -> str:
    """The scene and what stands where in it: "a road seen from a car with two cars at the left"."""
    stock = listed([_stock(record, name, group, rng) for name, group in groups])
    if aerial(record):
        return _aerial(record, stock or "no labeled people or vehicles", rng)
    when = {"day": " by day", "night": " at night"}.get(record.scene.get("time", ""), "")
    forms: tuple[str, ...]
    if stock and record.source == "drone_ir":
        forms = (f"{stock}, seen from the ground", f"a watched sky with {stock}", f"a surveillance view with {stock}")
    elif stock and record.source == "cheetah":
        forms = (f"{stock} outdoors", f"a wildlife enclosure with {stock}", f"open ground with {stock}")
    elif record.source in ROADS:
        road = rng.choice(("a road seen from a car", "the street in front of a driver", "a road ahead of a car"))
        forms = (f"{road}{when} with {stock}", f"{stock} on {road}{when}") if stock else (f"{road}{when}",)
    elif record.mask or "targets" in record.scene:
        ground = _ground(record, view)
        forms = (f"{ground} with {stock}", f"{stock} against {ground}", f"a view of {ground} that holds {stock}")
        if not stock:
            forms = (f"{ground} without a small target", f"a view of {ground} that holds no small target")
    elif stock:
        forms = (f"{stock}{when}", f"a scene{when} with {stock}", f"a view{when} that shows {stock}")
    else:
        forms = (f"{_ground(record, view)}{when}",)
    return rng.choice(forms)


def _aerial(record: Record, stock: str, rng: random.Random) -> str:
    when = rng.choice(("by day", "in daytime") if record.scene["time"] == "day" else ("at night", "after dark"))
    height, tilt = f"{record.scene['altitude_m']} meters", record.scene["camera_angle_deg"]
    looking = "straight down" if tilt == "90" else rng.choice((f"down at {tilt} degrees", f"{tilt} degrees down"))
    forms = (
        f"the ground {when}, seen from a drone {height} up looking {looking}, with {stock}",
        f"{stock}, taken {when} from a drone at {height} that looks {looking}",
        f"an aerial scene {when} with {stock}, the drone camera looking {looking} from {height}",
    )
    return rng.choice(forms)


def _subject(record: Record) -> str:
    """What a fine caption calls the scene."""
    if aerial(record):
        return "the ground from above"
    named = {"drone_ir": "a watched sky", "cheetah": "open ground", **dict.fromkeys(ROADS, "a road")}
    return named.get(record.source) or (_ground(record, None) if backgrounds(record) else "a scene")


def _ground(record: Record, view: View | None) -> str:
    """The surfaces of the scene prompt; where there is none, how bright the frame's ends are."""
    if surfaces := backgrounds(record):
        return listed([SURFACES.get(name, f"the {name}") for name in surfaces])
    bright, dark = ("", "") if view is None else view.ends
    return f"a scene bright toward the {bright} and dark toward the {dark}" if bright else "a scene of one level"


def _stock(record: Record, category: str, group: list[Box], rng: random.Random) -> str:
    """ "three cars mostly along the left side", "a small person in the center"."""
    whole, name = complete(record), counted(len(group), category)
    if len(group) == 1 and category != "small target":
        share = (area(group[0]) / (record.width * record.height)) ** 0.5
        size = next((word for limit, word in SIZES if share < limit), "large")
        name = f"{rng.choice(('a', 'one')) if whole else 'one'} {size} {category}"
    name = name if whole else f"at least {name}"
    return f"{name} {places(group, (record.width, record.height))}"
