"""The LangIR layout (arXiv 2507.13113, appendix D): images, masks, descriptions and id lists in one folder.

    images/ID.png   masks/ID.png or ID-pixels0.png   descriptions/...   trainval.txt   test.txt

Two subsets name masks and descriptions differently. The layout has no place for where a description came from, so
that stands beside it in origins.jsonl, one line a description.
"""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import InputError

SPLITS = ("trainval", "test")
ORIGINS = "origins.jsonl"


@dataclass(frozen=True)
class Subset:
    """File names of one subset; {} stands for the image's id, which is the stem of its file."""

    name: str
    id_pattern: str
    mask: str
    description: str


SUBSETS = {
    "sirst": Subset("sirst", r"Misc_\d+", "{}-pixels0.png", "{}-description.txt"),
    "irstd1k": Subset("irstd1k", r"XDU\d+", "{}.png", "{}.description.txt"),
}


@dataclass(frozen=True)
class Description:
    """What is said of one image, and by whom: `origin` "rules" or a model's name, `style` of the prompt or rules."""

    text: str
    origin: str
    style: str = ""


@dataclass(frozen=True)
class Entry:
    """One image of the layout; `split` is "trainval", "test", or "" where no list names it."""

    id: str
    split: str
    image: Path
    mask: Path | None
    description: str


def subset_of(image_id: str) -> Subset:
    """The subset that an id belongs to.

    Raises:
        InputError: neither names its images like this.
    """
    for subset in SUBSETS.values():
        if re.fullmatch(subset.id_pattern, image_id):
            return subset
    raise InputError(f"'{image_id}' is no image name of LangIR; its subsets use Misc_1.png and XDU1.png.")


def read_langir(root: Path) -> Iterator[Entry]:
    """Entries of a LangIR folder by number; ids of the lists may be whole names or numbers alone.

    Raises:
        InputError: no images folder, or images named otherwise.
    """
    folder = root / "images"
    if not folder.is_dir() or not (images := list(folder.glob("*.png"))):
        raise InputError(f"{root} is no LangIR folder: it needs images/ with PNG files.")
    listed = {i: split for split in SPLITS for i in _listed(root / f"{split}.txt")}
    for image in sorted(images, key=lambda p: _number(p.stem)):
        subset, number = subset_of(image.stem), str(_number(image.stem))
        mask = root / "masks" / subset.mask.format(image.stem)
        yield Entry(
            id=image.stem,
            split=listed.get(image.stem) or listed.get(number, ""),
            image=image,
            mask=mask if mask.is_file() else None,
            description=_text(root / "descriptions" / subset.description.format(image.stem)),
        )


def read_descriptions(root: Path) -> dict[str, str]:
    """id -> description of a folder; empty where it has none, also for folders that are not LangIR."""
    found = {}
    for path in sorted((root / "descriptions").glob("*.txt")):
        image_id = re.sub(r"[-.]description$", "", path.stem)
        if text := _text(path):
            found[image_id] = text
    return found


def read_origins(root: Path) -> dict[str, Description]:
    """id -> description with its origin, the newest of each image."""
    if not (root / ORIGINS).is_file():
        return {}
    lines = (json.loads(line) for line in (root / ORIGINS).read_text(encoding="utf-8").splitlines() if line.strip())
    return {line.pop("id"): Description(**line) for line in lines}


def write_description(root: Path, image_id: str, description: Description) -> Path:
    """Write one description under the name that its subset uses, and append its origin; returns the file."""
    path = root / "descriptions" / subset_of(image_id).description.format(image_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(description.text.strip() + "\n", encoding="utf-8")
    with (root / ORIGINS).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"id": image_id, **asdict(description)}) + "\n")
    return path


def write_langir(root: Path, entries: list[Entry]) -> None:
    """Copy entries to a new LangIR folder: images and masks byte by byte, descriptions and id lists as text."""
    for folder in ("images", "masks", "descriptions"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for entry in entries:
        subset = subset_of(entry.id)
        shutil.copyfile(entry.image, root / "images" / f"{entry.id}.png")
        if entry.mask:
            shutil.copyfile(entry.mask, root / "masks" / subset.mask.format(entry.id))
        if entry.description:
            path = root / "descriptions" / subset.description.format(entry.id)
            path.write_text(entry.description + "\n", encoding="utf-8")
    for split in SPLITS:
        ids = "".join(f"{entry.id}\n" for entry in entries if entry.split == split)
        (root / f"{split}.txt").write_text(ids, encoding="utf-8")


def _listed(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split() if path.is_file() else []


def _number(image_id: str) -> int:
    digits = re.search(r"\d+$", image_id)
    return int(digits[0]) if digits else -1


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip() if path.is_file() else ""
