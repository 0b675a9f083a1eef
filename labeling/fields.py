"""What a refinement may hold: the fields of an item, checked and cleaned before they are stored.

caption_global, caption_fine: text; mask: runs (labeling.masks); tags: a list of words.
"""

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from labeling import masks

TEXT_LIMIT = 4000  # characters of a caption
TAG_LIMIT = 50  # tags of an item, and characters of a tag


def check_fields(fields: Mapping[str, Any], width: int, height: int) -> dict[str, Any]:
    """The fields of a save, checked and cleaned. Raises InputError with what to correct."""
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        if name in ("caption_global", "caption_fine"):
            checked[name] = _text(value, TEXT_LIMIT)
        elif name == "mask":
            masks.validate(value, width, height)
            checked[name] = value
        elif name == "tags":
            if not isinstance(value, list) or len(value) > TAG_LIMIT:
                raise InputError(f"tags are a list of {TAG_LIMIT} words at most")
            checked[name] = sorted({tag for tag in (_text(tag, TAG_LIMIT) for tag in value) if tag})
        else:
            raise InputError(f"there is no field {name!r} to refine")
    return checked


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise InputError("a caption or tag is text")
    text = "".join(character for character in " ".join(value.split()) if character.isprintable())
    if len(text) > limit:
        raise InputError(f"a text has {len(text)} characters; {limit} at most: shorten it")
    return text
