"""What a caption may not say, and how long it may be.

An infrared image shows how bright things are. Unless the file is radiometric, heat, temperature, material and colour
are not to be seen in it, so captions for training on brightness, contrast and outline must not name them (as in
FusionRS, whose four kinds of words these are; the words are ours). Gray levels, black and white among them, may be
named, and so may the modality: "thermal image", "infrared".
"""

import re
import unicodedata

from core.data.records import Caption
from core.tclip.tokens import LIMIT, count

_WORDS = {
    "heat": (
        r"hot(?:ter|test|ly|spots?)?", r"heat(?:s|ed|ing|ers?)?", r"(?:pre|re|over)heat(?:s|ed|ing)?",
        r"warm(?:s|ed|er|est|ing|ly|th)?", r"cold(?:er|est|ly|ness)?", r"cool(?:s|ed|er|est|ing|ly|ness)?",
        r"chill(?:s|y|ed|ing)?", r"freezing|frozen|icy|scorch\w*|lukewarm|tepid", r"burn(?:s|ed|t|ing)?",
        r"thermal(?:ly)?(?= (?:signatures?|emissions?|radiation|energy|output|activity|glow|contrasts?|traces?"
        r"|footprints?|gradients?|patterns?|properties))",
        r"insulat(?:e|es|ed|ing|ion)",
    ),
    "temperature": (
        r"temperatures?", r"celsius|fahrenheit|kelvins?|centigrade", r"thermometers?",
        r"degrees? [cfk]",
    ),
    "material": (
        r"metal(?:s|lic)?|steel|iron|alumini?um|copper|brass|chrome", r"concrete|asphalt|tarmac|cement|bricks?|stone",
        r"wood(?:en)?|timber|glass|plastics?|rubber|leather|fabric|cotton|ceramic",
        r"emissivit(?:y|ies)|emit(?:s|ted|ting|ters?)?|emissions?|emissive",
        r"reflectivit(?:y|ies)|reflectances?|radiances?", r"radiat(?:e|es|ed|ing|ion|ors?)", r"materials?",
    ),
    "colour": (
        r"red(?:dish)?|orange|yellow(?:ish)?|green(?:ish)?|blue|bluish|purple|violet|pink(?:ish)?|brown(?:ish)?|beige|tan",
        r"cyan|magenta|turquoise|teal|maroon|crimson|scarlet|golden|silver(?:y)?|khaki",
        r"colou?r(?:s|ed|ful|ing|less|map|maps)?|rgb|hues?|multicolou?red",
    ),
}  # fmt: skip
CLASSES = {name: re.compile(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)") for name, words in _WORDS.items()}
BETWEEN = str.maketrans(dict.fromkeys("_-‐‑–—/", " ") | {"°": " degrees "})


def rejected(text: str) -> dict[str, list[str]]:
    """The words of each class (heat, temperature, material, colour) that the text holds; empty when it may stay."""
    plain = text.casefold()
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).casefold()
        plain = "".join(c for c in plain if unicodedata.category(c) != "Cf")
    plain = plain.translate(BETWEEN)
    return {name: found for name, words in CLASSES.items() if (found := words.findall(" ".join(plain.split())))}


def faults(caption: Caption, radiometric: bool = False) -> list[str]:
    """Why a caption may not be used; empty when it may. Only a radiometric image's fine caption may tell of heat."""
    found = []
    for name, text in (("global", caption.global_), ("fine", caption.fine), ("ir_aware", caption.ir_aware),
                       ("inferred", caption.inferred)):  # fmt: skip
        if (tokens := count(text)) > LIMIT:
            found.append(f"{name}: {tokens} CLIP tokens, more than {LIMIT}")
        allowed = {"heat", "temperature"} if name == "inferred" or (name == "fine" and radiometric) else set()
        found += [f"{name}: {kind} word '{words[0]}'" for kind, words in rejected(text).items() if kind not in allowed]
    if not caption.global_.startswith("An infrared thermal image of "):
        found.append('global: does not start with "An infrared thermal image of"')
    if not caption.fine.startswith("Thermal infrared image "):
        found.append('fine: does not start with "Thermal infrared image"')
    return found
