"""What a refinement may hold: the fields of an item, checked and cleaned before they are stored.

caption_global, caption_fine: text
questions: [{"question": text, "answer": text}, ...]
boxes: [{"label": text, "xyxy": [left, top, right, bottom]}, ...], integer pixel edges, right and bottom outside the box
points: [{"label": text, "xy": [x, y]}, ...], integer pixels
mask: runs (labeling.masks)
tags: a list of words
quality: one of QUALITIES
"""

from collections.abc import Collection, Mapping
from typing import Any

from core.errors import InputError
from labeling import masks

FIELDS = ("mask", "caption_global", "caption_fine", "questions", "boxes", "points", "tags", "quality")
QUALITIES = ("good", "limited", "unusable")
TEXT_LIMIT = 4000  # characters of a caption, a question or an answer
TAG_LIMIT = 50  # tags of an item, and characters of a tag or label
QUESTION_LIMIT = 50  # questions of an item
SHAPE_LIMIT = 1000  # boxes of an item, and points


def check_fields(
    fields: Mapping[str, Any], width: int, height: int, allowed: Collection[str] = FIELDS
) -> dict[str, Any]:
    """The fields of a save, checked and cleaned. Raises InputError with what to correct."""
    if not isinstance(fields, Mapping):
        raise InputError("a save holds fields by their names: reload the item")
    checked: dict[str, Any] = {}
    for name, value in fields.items():
        if name not in FIELDS:
            raise InputError(f"there is no field {name!r} to refine")
        if name not in allowed:
            raise InputError(f"this project does not refine {name!r}: leave it out")
        checked[name] = _check(name, value, width, height)
    return checked


def _check(name: str, value: Any, width: int, height: int) -> Any:
    if name in ("caption_global", "caption_fine"):
        return _text(value, TEXT_LIMIT)
    if name == "mask":
        masks.validate(value, width, height)
        return value
    if name == "tags":
        words = [_text(tag, TAG_LIMIT) for tag in _list(value, TAG_LIMIT, "tags")]
        return sorted({word for word in words if word})
    if name == "questions":
        return [_question(pair) for pair in _list(value, QUESTION_LIMIT, "questions")]
    if name == "boxes":
        return [_box(box, width, height) for box in _list(value, SHAPE_LIMIT, "boxes")]
    if name == "points":
        return [_point(point, width, height) for point in _list(value, SHAPE_LIMIT, "points")]
    if value not in ("", *QUALITIES):
        raise InputError(f"the quality of an image is one of {', '.join(QUALITIES)}")
    return value


def _question(pair: Any) -> dict[str, str]:
    if not isinstance(pair, dict) or pair.keys() != {"question", "answer"}:
        raise InputError('a question is an object {"question": text, "answer": text}')
    question, answer = _text(pair["question"], TEXT_LIMIT), _text(pair["answer"], TEXT_LIMIT)
    if not question:
        raise InputError("a question has no words: write it or take it away")
    return {"question": question, "answer": answer}


def _box(box: Any, width: int, height: int) -> dict[str, Any]:
    if not isinstance(box, dict) or box.keys() != {"label", "xyxy"} or not _integers(box["xyxy"], 4):
        raise InputError('a box is an object {"label": text, "xyxy": [left, top, right, bottom]} of whole pixels')
    left, top, right, bottom = box["xyxy"]
    if not (0 <= left < right <= width and 0 <= top < bottom <= height):
        raise InputError(f"the box {box['xyxy']} is empty or lies outside the image of {width} x {height} pixels")
    return {"label": _text(box["label"], TAG_LIMIT), "xyxy": [left, top, right, bottom]}


def _point(point: Any, width: int, height: int) -> dict[str, Any]:
    if not isinstance(point, dict) or point.keys() != {"label", "xy"} or not _integers(point["xy"], 2):
        raise InputError('a point is an object {"label": text, "xy": [x, y]} of whole pixels')
    x, y = point["xy"]
    if not (0 <= x < width and 0 <= y < height):
        raise InputError(f"the point {point['xy']} lies outside the image of {width} x {height} pixels")
    return {"label": _text(point["label"], TAG_LIMIT), "xy": [x, y]}


def _list(value: Any, limit: int, what: str) -> list:
    if not isinstance(value, list) or len(value) > limit:
        raise InputError(f"{what} are a list of {limit} at most")
    return value


def _integers(value: Any, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and all(type(number) is int for number in value)


def _text(value: Any, limit: int) -> str:
    if not isinstance(value, str):
        raise InputError("a caption, question, label or tag is text")
    text = "".join(character for character in " ".join(value.split()) if character.isprintable())
    if len(text) > limit:
        raise InputError(f"a text has {len(text)} characters; {limit} at most: shorten it")
    return text
