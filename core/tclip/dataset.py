"""Caption files: JSON lines {"image", "caption_global", "caption_fine"[, "source"]}."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError


@dataclass(frozen=True)
class CaptionedImage:
    """One line of a caption file; `image` resolved, `source` = its data set ("" when the file doesn't say)."""

    image: Path
    caption_global: str
    caption_fine: str
    source: str = ""


def read_captions(file: Path, images: Path) -> list[CaptionedImage]:
    """Read a caption file whose image names are relative to `images`.

    Raises:
        InputError: no such file, a line that is not such an object, no line at all, or an image that is not there.
    """
    if not file.is_file():
        raise InputError(f"There is no caption file {file}; build one with python -m core.data.build.")
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError(f"{file.name} is not UTF-8 text; give a caption file in JSON lines.") from error
    rows = [_row(line, f"{file.name}, line {number}", images) for number, line in enumerate(lines, 1) if line.strip()]
    if not rows:
        raise InputError(f"{file.name} holds no captions; build it again with python -m core.data.build.")
    return rows


def _row(line: str, where: str, images: Path) -> CaptionedImage:
    keys = ("image", "caption_global", "caption_fine")
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in keys):
        raise InputError(f"{where}: not an object with the texts image, caption_global and caption_fine; correct it.")
    path = images / row["image"]
    if not path.is_file():
        raise InputError(f"{where}: there is no image {row['image']} in {images}; check --images.")
    return CaptionedImage(path, row["caption_global"], row["caption_fine"], str(row.get("source", "")))


def text_ids(texts: Iterable[str]) -> list[int]:
    """A number for each text, equal where the texts are equal, in order of first appearance."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(text, len(numbers)) for text in texts]
