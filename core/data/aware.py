"""IR-aware captions, as in FusionRS: brightness, contrast and outline; no heat, temperature, material or colour.

`core.data.filters` holds the words that may not occur; a test holds every caption of a build to them.
"""

import random
from collections.abc import Sequence
from statistics import median

from core.data.objects import Group, counted, places
from core.data.pixels import View, end_words, outline_words, steepness
from core.data.records import Box, Record

MOST = 2  # categories told
OPENINGS = ("A grayscale infrared view", "An infrared frame in gray levels", "An infrared image", "A grayscale frame")


def ir_aware(record: Record, groups: Sequence[Group], view: View, rng: random.Random) -> str:
    """ "A grayscale infrared view, dark and even, ..; two cars at the left stand out bright in clear contrast, .."."""
    frame = f"{rng.choice(OPENINGS)}, {view.look}, {end_words(view.ends)}"
    told = [_told(record, *group, view, rng) for group in groups[:MOST]]
    return f"{'; '.join([frame, *told])}."


def _told(record: Record, category: str, group: list[Box], view: View, rng: random.Random) -> str:
    """ "a drone in the center stands out far brighter, with a sharp outline"."""
    name = f"{counted(len(group), category)} {places(group, (record.width, record.height))}"
    levels = view.contrasts(group)
    verb = "s" if len(group) == 1 else ""
    outline = outline_words([steepness(view.gray, box) for box in group])
    middle = median(levels)
    if len(levels) > 1 and min(levels) < -8 and max(levels) > 8:
        return f"{name}, some brighter and some darker than their surround, with {outline}"
    if abs(middle) < 4:
        return f"{name} hardly differ{verb} from the surround, with {outline}"
    side = "bright" if middle > 0 else "dark"
    if abs(middle) < 12:
        return (
            f"{name} {rng.choice((f'look{verb}', f'appear{verb}'))} slightly {side}er than the surround, with {outline}"
        )
    degree = rng.choice(("strong", "high") if abs(middle) > 70 else ("clear", "good"))
    stands = rng.choice((f"stand{verb} out {side}", f"show{verb} up {side}"))
    return f"{name} {stands} in {degree} contrast, with {outline}"
