"""Fine captions: what was measured in the image, and, kept apart, what scene knowledge suggests about heat."""

import random
from collections.abc import Callable, Sequence
from statistics import median

from core.data.objects import Group, counted, places, plural
from core.data.pixels import View, contrast, contrast_words, end_words
from core.data.records import Box, Record

MOST = 2  # categories measured in one caption
SEEN = 12  # gray levels of contrast from which an object counts as brighter or darker in `inferred`
VEHICLES = ("car", "other vehicle")
ANIMATE = ("person", "cheetah", "dog")
FLYING = ("airplane", "drone", "helicopter")


def measured(record: Record, subject: str, groups: Sequence[Group], view: View | None, rng: random.Random) -> str:
    """ "a road with a car at the left, 40 by 20 pixels, darker than the surround by 30 gray levels; the frame is ..".

    Sizes and contrasts of the objects, the frame's level, texture and extremes; degrees Celsius where radiometric.
    """
    told = []
    for category, group in groups[:MOST]:
        width, height = (median(box.xyxy[i + 2] - box.xyxy[i] for box in group) for i in (0, 1))
        where = places(group, (record.width, record.height))
        each = "each about " if len(group) > 1 else ""
        thing = f"{counted(len(group), category)} {where}, {each}{width:.0f} by {height:.0f} pixels"
        told.append(thing if view is None else f"{thing}, {_against(view, group)}")
    stock = "; ".join(told)
    if view is None:
        return f"{subject}: {stock}" if stock else subject
    if view.celsius is not None:
        low, high = float(view.celsius.min()), float(view.celsius.max())
        ends = end_words(view.ends, "hottest", "coldest")
        frame = f"{view.look}, from {low:.1f} to {high:.1f} degrees Celsius, {ends}"
    else:
        frame = f"{view.look}, {end_words(view.ends)}"
    if not stock:
        return rng.choice((f"{subject}; the frame is {frame}", f"{subject}, {frame}", f"{subject}: as a whole {frame}"))
    forms = (
        f"{subject} with {stock}; the frame is {frame}",
        f"{subject}, {frame}; it holds {stock}",
        f"{subject}: {stock}; as a whole {frame}",
    )
    return rng.choice(forms)


def _against(view: View, group: Sequence[Box]) -> str:
    """The group against its surround, in degrees where the image is radiometric, else in gray levels."""
    if view.celsius is None:
        return contrast_words(view.contrasts(group))
    middle = median(contrast(view.celsius, box) for box in group)
    if abs(middle) < 0.5:
        return "within half a degree Celsius of the surround"
    return f"{abs(middle):.1f} degrees Celsius {'warmer' if middle > 0 else 'colder'} than the surround"


def inferred(record: Record, groups: Sequence[Group], view: View | None) -> str:
    """What scene knowledge suggests, marked as such; "" where nothing does or where temperatures are measured.

    Every claim rests on a measured contrast and on the polarity that nearly all public sets have: bright is warm.
    """
    if view is None or view.celsius is not None:
        return ""
    for category, group in groups:
        levels = view.contrasts(group)
        for kinds, bright, rule in RULES:
            holds = min(levels) > SEEN if bright else max(levels) < -SEEN
            if category in kinds and holds and (claim := rule(record, _name(category, group))):
                return f"Inferred, not measured, if bright means warm: {claim}."
    return ""


def _name(category: str, group: Sequence[Box]) -> str:
    return f"the {category if len(group) == 1 else plural(category)}"


def _are(name: str) -> str:
    return "are" if name.endswith("s") or name == "the people" else "is"


def _at_night(record: Record) -> bool:
    return record.scene.get("time") == "night"


def _vehicle(record: Record, name: str) -> str:
    cause = "a running or recently stopped engine" if _at_night(record) else "the sun or a running engine"
    return f"{name} may be warmed by {cause}"


# (categories, brighter or darker than the surround, claim)
RULES: tuple[tuple[Sequence[str], bool, Callable[[Record, str], str]], ...] = (
    (ANIMATE, True, lambda record, name: f"{name} {_are(name)} warmer than the surround by body heat"),
    (("person",), False, lambda record, name: "" if _at_night(record) else f"the ground around {name} is warmer"),
    (VEHICLES, True, _vehicle),
    (VEHICLES, False, lambda record, name: f"{name} probably stood for a while" if _at_night(record) else ""),
    (FLYING, True, lambda record, name: f"{name} {_are(name)} warmed by motors or exhaust"),
)  # fmt: skip
