"""Hints on captions, questions and answers while they are written: length for CLIP, physics, domain terms."""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from core.data import filters
from core.tclip import tokens

_TERMS = """
infrared thermal thermogram thermography radiometric emissivity reflectivity bolometer microbolometer celsius kelvin
temperature background foreground clutter target silhouette hotspot contrast saturated saturation polarity horizon
aerial airborne drone quadcopter helicopter airplane aircraft missile vessel pedestrian person bicycle motorcycle
vehicle building vegetation terrain mountain cloud camouflage occluded occlusion noise blooming vignetting exhaust
"""
TERMS = frozenset(_TERMS.split())
ALIKE = 0.7  # difflib's ratio from which an unknown word counts as a slip of a term


def hints(fields: Mapping[str, Any], radiometric: bool = False) -> dict[str, dict[str, Any]]:
    """field -> {"tokens", "limit", "notes"}; tokens only for captions, which CLIP reads."""
    found: dict[str, dict[str, Any]] = {}
    for name in ("caption_global", "caption_fine"):
        text = _text(fields.get(name))
        if text:
            found[name] = {
                "tokens": tokens.count(text),
                "limit": tokens.LIMIT,
                "notes": [*unseen(text, radiometric), *slips(text)],
            }
    pairs = fields.get("questions")
    spoken = (
        [_text(text) for pair in pairs if isinstance(pair, dict) for text in pair.values()]
        if isinstance(pairs, list)
        else []
    )
    if any(spoken):
        found["questions"] = {"notes": slips(" ".join(spoken))}
    return found


def unseen(text: str, radiometric: bool) -> list[str]:
    """One sentence for each kind of claim that the image can't show; degrees may be named where they are known."""
    shown = {"heat", "temperature"} if radiometric else set()
    return [
        f"'{words[0]}' tells of {kind}, which this image doesn't show: say how bright it is"
        for kind, words in filters.rejected(text).items()
        if kind not in shown
    ]


def slips(text: str) -> list[str]:
    """One sentence for each word that no vocabulary knows and that is nearly a domain term."""
    words = dict.fromkeys(re.findall(r"[a-z]{5,40}", text.lower()))
    return [f"{word}: did you mean {term}?" for word, term in _nearly(words)]


def _nearly(words: Iterable[str]) -> Iterable[tuple[str, str]]:
    for word in words:
        stem = word.removesuffix("s")
        if word in tokens.words() or stem in tokens.words() or word in TERMS or stem in TERMS:
            continue
        if close := difflib.get_close_matches(stem, TERMS, 1, ALIKE):
            yield word, close[0]


def _text(value: Any) -> str:
    return value[:4000] if isinstance(value, str) else ""
