"""The record types every reader, trainer and the labeling studio share. Knows paths and numbers; no torch, no SQL."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self


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
    captions: Mapping[str, str] = field(default_factory=dict)  # "global" and "fine", where the source publishes them


@dataclass(frozen=True)
class Caption:
    """What is said of one image, and where it comes from.

    `global_` starts "An infrared thermal image of", `fine` "Thermal infrared image" and tells only what was measured;
    `ir_aware` tells brightness, contrast and outline without heat, temperature, material or colour; `inferred` is what
    scene knowledge suggests and nobody measured ("" = nothing). Each within 77 CLIP tokens.
    """

    global_: str
    fine: str
    ir_aware: str = ""
    inferred: str = ""
    route: str = ""  # "rules" | "visible partner" | "published"
    maker: str = ""  # version of the rules or name of the model
    prompt_hash: str = ""  # first 16 hexadecimal digits of the SHA-256 of the prompt; "" without a prompt
    source_id: str = ""  # the record's id
    licence: str = ""
    state: str = "draft"  # "draft" | "refined" (by people) | "approved"

    def as_json(self) -> dict[str, str]:
        """One row of a captions file: each field under its name, the four texts as "caption_..."."""
        return {TEXTS.get(name, name): value for name, value in asdict(self).items()}

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Self:
        """The inverse of `as_json`; other keys are left aside, missing ones take their defaults. KeyError: no text."""
        names = {field.name: TEXTS.get(field.name, field.name) for field in fields(cls)}
        must = {name: str(row[names[name]]) for name in ("global_", "fine")}
        return cls(**{name: str(row[key]) for name, key in names.items() if key in row} | must)


TEXTS = {
    "global_": "caption_global", "fine": "caption_fine", "ir_aware": "caption_ir_aware", "inferred": "caption_inferred",
}  # fmt: skip
