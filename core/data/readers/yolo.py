"""YOLO folders (Ultralytics layout): `labels/` beside `images/`, names in `data.yaml` or `classes.txt`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from core.data.readers.common import annotated, image_files, read_rows, size_of, source_name, split_in
from core.data.records import Record
from core.errors import InputError


def yolo(path: Path) -> Iterator[Record]:
    """Every image under `path`'s folders called images; one without a label file shows no object.

    A row is `class x y width height` or `class x1 y1 x2 y2 ...` (an outline), in shares of the image.
    Raises InputError naming the file and row for anything else.
    """
    if not path.is_dir():
        raise InputError(f"{path} is no folder; name the one that holds images/ and labels/.")
    names, source, number = _names(path), source_name(path), 0
    for number, image in enumerate(_images(path), 1):  # noqa: B007
        relative = image.relative_to(path).with_suffix("")
        size = size_of(image)
        rows = _boxes(_label_file(path, image), names, size)
        name = "/".join(part for part in relative.parts if part != "images")
        split = next((s for part in relative.parts[:-1] if (s := split_in(part))), "")
        yield annotated(source, image, name, f"not stated ({source})", rows, split, size=size)
    if not number:
        raise InputError(f"{path} holds no images/ with images; name the folder that does.")


def _images(path: Path) -> Iterator[Path]:
    """images/x.jpg, images/train/x.jpg and train/images/x.jpg."""
    return (p for p in image_files(path) if "images" in p.relative_to(path).parts[:-1])


def _label_file(root: Path, image: Path) -> Path:
    parts = ["labels" if part == "images" else part for part in image.relative_to(root).parts]
    return root.joinpath(*parts).with_suffix(".txt")


def _boxes(file: Path, names: dict[int, str], size: tuple[int, int]) -> list[tuple[str, tuple[float, ...]]]:
    boxes = []
    for number, row in enumerate(read_rows(file), 1):
        try:
            kind, *values = row.split()
            numbers = [float(value) for value in values]
            if len(numbers) < 4 or len(numbers) % 2 or not all(-0.01 <= value <= 1.01 for value in numbers):
                raise ValueError
            if len(numbers) == 4:
                x, y, w, h = numbers
                sides = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            else:
                xs, ys = numbers[0::2], numbers[1::2]
                sides = (min(xs), min(ys), max(xs), max(ys))
            name = names.get(int(kind), f"class {int(kind)}")
        except ValueError:
            raise InputError(
                f"{file.name}, row {number}: not `class x y width height` in shares of the image; correct it."
            ) from None
        boxes.append((name, tuple(value * side for value, side in zip(sides, size * 2, strict=True))))
    return boxes


def _names(path: Path) -> dict[int, str]:
    """Class number -> name, from `names` in a .yaml file or the lines of classes.txt. Raises InputError."""
    for file in sorted([*path.glob("*.yaml"), *path.glob("*.yml")]):
        try:
            loaded: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"{file.name} is not valid YAML; correct it.") from error
        names = loaded.get("names") if isinstance(loaded, dict) else None
        if isinstance(names, list):
            return {number: str(name) for number, name in enumerate(names)}
        if isinstance(names, dict) and all(isinstance(number, int) for number in names):
            return {number: str(name) for number, name in names.items()}
    return dict(enumerate(read_rows(path / "classes.txt")))
