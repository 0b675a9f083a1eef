"""Readers: published files -> `Record`s, one at a time, so that a million need no more memory than a thousand."""

from collections.abc import Callable, Iterator
from pathlib import Path

from core.data.readers import coco, known, tables, voc, yolo
from core.data.readers.common import decile, held_out
from core.data.readers.irtd import conversations
from core.data.readers.known import roadscene
from core.data.readers.masks import mask_folder
from core.data.records import Record
from core.errors import InputError

__all__ = ["FORMATS", "READERS", "decile", "held_out", "read_all", "read_known", "read_source", "roadscene"]

# folder under --data -> its reader, which is given --data
READERS: dict[str, Callable[[Path], Iterator[Record]]] = {
    "langir_sirst": known.langir_sirst, "langir_irstd1k_few": known.langir_irstd1k, "nudt_sirst": known.nudt_sirst,
    "sirst_backgrounds": known.sirst_backgrounds, "hit_uav": known.hit_uav, "roadscene": roadscene,
    "drone_ir": known.drone_ir, "cheetah": known.cheetah, "pairs": known.pairs, "radiometric": known.radiometric,
}  # fmt: skip
PUBLISHED = {"irtd_qa_text": known.irtd}  # questions on images of the sets above, most of which are not at hand

# --source FORMAT=LOCATION -> reader of (location, --data, where to keep images that the source holds inside)
FORMATS: dict[str, Callable[[str, Path, Path], Iterator[Record]]] = {
    "coco": lambda at, data, store: coco.coco(Path(at)),
    "flir-adas": lambda at, data, store: coco.flir_adas(Path(at)),
    "hit-uav": lambda at, data, store: coco.hit_uav_release(Path(at)),
    "hub": lambda at, data, store: tables.hub(at, store),
    "irtd": lambda at, data, store: conversations(Path(at), data),
    "masks": lambda at, data, store: mask_folder(Path(at)),
    "revision": lambda at, data, store: tables.revision(Path(at), store),
    "voc": lambda at, data, store: voc.voc(Path(at)),
    "yolo": lambda at, data, store: yolo.yolo(Path(at)),
}


def read_all(root: Path) -> list[Record]:
    """Every image of every known data set that lies under `root`, in READERS' order; InputError if none does."""
    return list(_read(root, READERS))


def read_known(root: Path) -> Iterator[Record]:
    """The same one by one, followed by the published questions on them. Raises InputError."""
    return _read(root, READERS | PUBLISHED)


def _read(root: Path, readers: dict[str, Callable[[Path], Iterator[Record]]]) -> Iterator[Record]:
    found = {name: read for name, read in readers.items() if (root / name).is_dir()}
    if not found.keys() & READERS.keys():
        raise InputError(f"{root} holds none of {', '.join(READERS)}; point --data at the folder that holds them.")
    try:
        for read in found.values():
            yield from read(root)
    except (KeyError, ValueError, TypeError) as error:
        raise InputError(f"A data set under {root} is damaged ({error!r}); fetch it again.") from error


def read_source(told: str, data: Path, store: Path) -> Iterator[Record]:
    """The records of FORMAT=LOCATION. Raises InputError."""
    kind, equals, location = told.partition("=")
    if kind not in FORMATS or not equals:
        raise InputError(f"--source {told}: write FORMAT=LOCATION with one of {', '.join(FORMATS)}.")
    if kind != "hub" and not Path(location).exists():
        raise InputError(f"--source {told}: there is no {location}; check the path.")
    yield from FORMATS[kind](location, data, store)
