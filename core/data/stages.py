"""The build's two stages, each a function of one shard: look at the images, then ask about the records that stay."""

import hashlib
import io
import json
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from core.data.captions import captions
from core.data.conversations import conversation
from core.data.cropping import common_view
from core.data.duplicates import fingerprint
from core.data.filters import faults
from core.data.questions import Draws, questions
from core.data.records import Record
from core.data.shards import Row, of_row, write_whole
from core.errors import InputError
from core.thermal import MAX_BYTES, ThermalImage, read_thermal


@dataclass(frozen=True)
class Look:
    """Decode every image once: hash, size, captions, and the common view with a partner of another field of view.

    A row has "reject" (why the record stays out), or "phash", "size", "captions" and, where there is one, "pair".
    """

    data: Path
    out: Path
    seed: int

    def __call__(self, lines: Sequence[str]) -> Iterator[Row]:
        for line in lines:
            record = of_row(json.loads(line))
            try:
                yield self._look(record)
            except InputError as error:
                yield {"reject": str(error)}
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
                yield {"reject": "its mask or visible partner can't be read: export or download it again"}

    def _look(self, record: Record) -> Row:
        if not record.image.is_file():
            return {"reject": "no image of that name is there"}
        image = read_thermal(record.image)
        size = (record.width, record.height)
        if all(size) and size != image.size:
            return {"reject": "annotated for {} x {} pixels, but the image has {} x {}".format(*size, *image.size)}
        record = replace(record, width=image.width, height=image.height)
        view = Image.fromarray(image.view8())
        row: Row = {"phash": f"{fingerprint(view):016x}", "size": image.size}
        if record.published:
            return row
        if record.mask is not None:
            _check_mask(record.mask, image.size)
        told = captions(record, image, random.Random(f"{self.seed}/captions/{record.id}"))
        wrong = faults(told, radiometric=image.unit == "celsius") if told.route != "published" else []
        row |= {"faults": wrong} if wrong else {"captions": told.as_json()}
        return row | self._pair(record, image, view)

    def _pair(self, record: Record, image: ThermalImage, view: Image.Image) -> Row:
        """Names of the two images that show the same, cropped where the partner's field of view differs."""
        if record.visible is None:
            return {}
        if record.registered:
            names = [name_of(path, self.data) for path in (record.image, record.visible)]
            return {"pair": {"infrared": names[0], "visible": names[1]}}
        with Image.open(record.visible) as opened:
            partner = opened.convert("RGB")
        found = common_view(record.boxes, record.visible_boxes, (image.size, partner.size))
        windows = found.crops(image.size, partner.size) if found else None
        if not found or not windows:
            return {"unpaired": "too few labelled objects agree on the common field of view"}
        infrared = view.crop(windows[0])
        visible = partner.resize(infrared.size, Image.Resampling.BICUBIC, box=windows[1])
        stem = hashlib.sha256(record.id.encode()).hexdigest()[:16]
        names = []
        for kind, picture in (("infrared", infrared), ("visible", visible)):
            names.append(f"images/pairs/{stem}.{kind}.png")
            save_png(picture, self.out / names[-1])
        return {"pair": {"infrared": names[0], "visible": names[1], "window": windows[0], "objects": found.objects,
                         "residual_px": round(found.residual, 2)}}  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """Questions of the records that stay. A line is a record's row with its "size" and its "split" ("" = kept out)."""

    data: Path
    seed: int
    per_image: int | None
    draws: Mapping[str, Draws]

    def __call__(self, lines: Sequence[str]) -> Iterator[Row]:
        for line in lines:
            row = json.loads(line)
            yield {"questions": self._ask(row) if row["split"] else []}

    def _ask(self, row: Row) -> list[dict[str, Any]]:
        record = settled(row)
        image = name_of(record.image, self.data)
        if record.published:
            ids = (
                [record.id]
                if len(record.published) == 1
                else [f"{record.id}/{n}" for n in range(len(row["published"]))]
            )
            return [conversation(i, image, e.task, e.question, e.answer)
                    for i, e in zip(ids, record.published, strict=True)]  # fmt: skip
        rng = random.Random(f"{self.seed}/questions/{record.id}")
        made = questions(record, rng, draws=self.draws[record.split])
        if self.per_image is not None and len(made) > self.per_image:
            made = rng.sample(made, self.per_image)
        return [conversation(q.id, image, q.task, q.question, q.answer) for q in made]


def settled(row: Row) -> Record:
    """The record of a row that has its final split and the size of its image."""
    record = of_row(row)
    return replace(record, width=row["size"][0], height=row["size"][1])


def name_of(path: Path, data: Path) -> str:
    """An image's name in the built files: its path relative to --data."""
    return (
        path.relative_to(data).as_posix() if path.is_relative_to(data) else Path(os.path.relpath(path, data)).as_posix()
    )


def save_png(picture: Image.Image, path: Path) -> None:
    """A PNG whose bytes depend on the pixels alone."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=1)
    write_whole(path, file.getvalue())


def _check_mask(path: Path, size: tuple[int, int]) -> None:
    """Raises InputError for a mask that is missing, too large or of another size than its image."""
    if not path.is_file():
        raise InputError(f"its mask {path.name} is missing: add it, or remove the image from the set.")
    if path.stat().st_size > MAX_BYTES:
        raise InputError(f"its mask {path.name} is over {MAX_BYTES >> 20} MB: give a smaller one.")
    with Image.open(path) as mask:
        if mask.size != size:
            raise InputError(
                f"its mask {path.name} has {mask.width} x {mask.height} pixels, the image {size[0]} x {size[1]}."
            )
