"""Descriptions by rule: presence, region and scene, from a mask and a scene prompt. Nothing is guessed."""

from collections import Counter

import numpy as np
from skimage.measure import label, regionprops

from core.data.objects import NUMBERS
from core.langir.layout import Description
from core.langir.regions import region_words


def describe_mask(mask: np.ndarray, scene: str = "") -> Description:
    """Say how many small targets a bool (H, W) mask holds, where they lie, and what the scene prompt says.

    Without a scene this is the paper's ablation of place alone (5.6.4), on a 3 x 3 grid instead of quadrants.
    """
    height, width = mask.shape
    places = Counter(
        region_words(r.centroid[1], r.centroid[0], width, height) for r in regionprops(label(mask, connectivity=2))
    )
    total = places.total()
    style = "presence, region, scene" if scene else "presence, region"
    if not total:
        said = "There is no small target in the infrared image"
    elif total == 1:
        said = f"One small target lies in the {next(iter(places))} of the infrared image"
    else:
        parts = [f"{counted(n)} in the {place}" for place, n in places.most_common()]
        said = f"{counted(total).capitalize()} small targets lie in the infrared image: {', '.join(parts)}"
    surfaces = scene.rsplit(" in the ", 1)[-1].strip(" .") if " in the " in scene else scene.strip(" .")
    background = f" The background is {surfaces.removesuffix(' background')}." if surfaces else ""
    return Description(f"{said}.{background}", "rules", style)


def counted(number: int) -> str:
    """A number in words where it has one."""
    return NUMBERS[number] if number < len(NUMBERS) else str(number)
