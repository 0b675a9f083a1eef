"""Pascal VOC folders: `Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/{train,trainval,val,test}.txt`."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from core.data.readers.common import Images, annotated, read_rows, source_name, stem_of
from core.data.records import Record
from core.errors import InputError

MAX_BYTES = 16 * 2**20
IMAGE_FOLDERS = ("JPEGImages", "images", "Images", "Ir", "ir")  # the last two: M3FD


def voc(path: Path) -> Iterator[Record]:
    """One record an annotation file; objects marked difficult count as "don't care".

    Raises InputError naming the file that is no VOC annotation.
    """
    annotations = next(
        (f for name in ("Annotations", "annotations", "Annotation") if (f := path / name).is_dir()), None
    )
    if annotations is None:
        raise InputError(f"{path} holds no Annotations/; name the folder that does.")
    folder = next((f for name in IMAGE_FOLDERS if (f := path / name).is_dir()), path)
    images, source, parts = Images(folder), source_name(path), _parts(path)
    files = sorted(annotations.glob("*.xml"))
    if not files:
        raise InputError(f"{annotations} holds no .xml file; name the folder with annotations in it.")
    for file in files:
        name, size, rows = _read(file)
        image = images.find(name if Path(name).stem == file.stem else f"{file.stem}{Path(name).suffix or '.jpg'}")
        yield annotated(source, image, stem_of(file.stem), f"not stated ({source})", rows,
                        parts.get(file.stem, ""), size=size)  # fmt: skip


def _parts(path: Path) -> dict[str, str]:
    """Image name -> official part; a name in several lists belongs to the last of train, val, test."""
    lists = (("trainval", "train"), ("train", "train"), ("val", "val"), ("test", "test"))
    rows = (
        (row.split()[0], part) for name, part in lists for row in read_rows(path / "ImageSets/Main" / f"{name}.txt")
    )
    return dict(rows)


def _read(file: Path) -> tuple[str, tuple[int, int], list[tuple[str, tuple[float, ...]]]]:
    """(image name, (W, H), boxes) of an annotation file."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise ValueError("too large")
        root = ElementTree.parse(file).getroot()
        if root.tag != "annotation":
            raise ValueError(f"the root is <{root.tag[:20]}>")
        size = (int(float(root.findtext("size/width") or 0)), int(float(root.findtext("size/height") or 0)))
        rows = []
        for thing in root.iterfind("object"):
            corners = [float(thing.findtext(f"bndbox/{side}") or "nan") for side in ("xmin", "ymin", "xmax", "ymax")]
            hard = (thing.findtext("difficult") or "0").strip() == "1"
            rows.append(("ignored" if hard else thing.findtext("name") or "object", tuple(corners)))
        return (root.findtext("filename") or file.stem).strip(), size, rows
    except (ElementTree.ParseError, ValueError, LookupError, OverflowError) as error:
        reason = " ".join(str(error).split())[:60]
        raise InputError(f"{file.name} is no Pascal VOC annotation ({reason}); correct or remove it.") from error
