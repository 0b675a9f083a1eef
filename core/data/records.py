"""The record types every reader, trainer and the labeling studio share. Knows paths and numbers; no torch, no SQL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Box:
    """One labelled object. `xyxy`: left, top, right, bottom in pixels, (0, 0) the image's top left corner."""

    category: str
    xyxy: tuple[float, float, float, float]
    identity: str = ""  # equal for the same individual in other images and in the visible partner; "" = not known


@dataclass(frozen=True)
class Exchange:
    """One question that the source itself publishes. `task`: one of the nine names; the answer in IR-TD's format."""

    task: str
    question: str
    answer: str


@dataclass(frozen=True)
class Record:
    """One image of a dataset with what its publisher says about it.

    `id` is unique over all datasets ("hit_uav/0_100_30_0_03280"). Records of one `group` (a flight, a sequence)
    never lie in two splits. `scene` holds single facts in words (time, altitude_m, camera_angle_deg, prompt).
    A record with `published` exchanges brings its own questions: none are made for it.
    """

    id: str
    image: Path
    source: str
    licence: str
    group: str
    split: str  # "train" | "val" | "test"
    width: int  # pixels; 0 = not known before the image is opened
    height: int  # pixels
    boxes: tuple[Box, ...] = ()
    mask: Path | None = None  # a PNG of the image's size, non-zero = target
    scene: Mapping[str, str] = field(default_factory=dict)
    visible: Path | None = None  # the visible-light partner, where the dataset has one
    official: bool = True  # whether `split` follows the publisher's; otherwise look-alikes may move it
    registered: bool = True  # whether the partner shows the same field of view, pixel by pixel
    visible_boxes: tuple[Box, ...] = ()  # the labelled objects in a partner that is not registered
    published: tuple[Exchange, ...] = ()
