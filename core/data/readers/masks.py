"""Folders of images and target masks: LangIR's layout (ids, prompts) and plain ones."""

from collections.abc import Iterator
from pathlib import Path

from core.data.readers.common import (
    SUFFIXES,
    held_out,
    image_files,
    own_split,
    read_rows,
    record,
    source_name,
    stem_of,
    within,
)  # fmt: skip
from core.data.records import Record
from core.errors import InputError

MASK_ENDS = ("", "-pixels0", "_pixels0", "_mask")  # NUAA-SIRST says Misc_1-pixels0.png, IRSTD-1k XDU0.png
LISTS = {"trainval.txt": "train", "train.txt": "train", "val.txt": "val", "test.txt": "test"}


def mask_folder(path: Path) -> Iterator[Record]:
    """`images/`, `masks/` and, where the publisher gives them, lists of ids and `scene_prompts.tsv`."""
    name = source_name(path)
    yield from masked(path, name, f"not stated ({name})")


def masked(folder: Path, source: str, licence: str) -> Iterator[Record]:
    """The records of such a folder. Official parts come from `trainval.txt`, `train.txt`, `val.txt`, `test.txt`.

    Raises InputError when `images/` or `masks/` is missing, or an id leads out of the folder.
    """
    if not (folder / "images").is_dir() or not (folder / "masks").is_dir():
        raise InputError(f"{folder} is no mask folder; it needs images/ and masks/ with a file for each image.")
    prompts = dict(row.split("\t", 1) for row in read_rows(folder / "scene_prompts.tsv") if "\t" in row)
    for official, name in _names(folder):
        split = held_out(name, official) if official else own_split(name)
        scene = {"prompt": prompts[name]} if name in prompts else {}
        yield record(source, name, _with_suffix(folder / "images", name), licence, name, split,
                     mask=_mask(folder / "masks", name), scene=scene, official=bool(official))  # fmt: skip


def _names(folder: Path) -> Iterator[tuple[str, str]]:
    """(official part or "", id), by the lists where there are some, else every image."""
    lists = [(file, part) for file, part in LISTS.items() if (folder / file).is_file()]
    if lists:
        yield from ((part, stem_of(name)) for file, part in lists for name in sorted(read_rows(folder / file)))
    else:
        yield from (
            ("", path.relative_to(folder / "images").with_suffix("").as_posix())
            for path in image_files(folder / "images")
        )


def _with_suffix(folder: Path, name: str) -> Path:
    path = within(folder, name)
    return next(
        (p for s in SUFFIXES if (p := path.with_name(path.name + s)).is_file()), path.with_name(f"{path.name}.png")
    )


def _mask(folder: Path, name: str) -> Path:
    """The mask's path; where there is none, the one that is expected, which the build reports."""
    within(folder, name)
    return next((p for end in MASK_ENDS if (p := folder / f"{name}{end}.png").is_file()), folder / f"{name}.png")
