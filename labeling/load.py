"""Made-up items and the people, the exporter and the trainer that `python -m labeling.bench` lets loose on them."""

import hashlib
import io
import itertools
import time
import uuid
from collections.abc import Callable
from multiprocessing.synchronize import Event
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import Image

from core.data.revisions import read_revision
from core.errors import InputError
from db import queries
from db.find import Filter
from labeling.database import connect
from labeling.export import export
from labeling.importing import CHUNK
from labeling.items import Conflict, Taken
from labeling.store import ImageStore
from labeling.studio import Studio
from labeling.workplace import SYSTEM

WORDS = ("ship", "drone", "bird", "cloud", "horizon", "wave", "road", "roof", "small", "bright", "faint", "cold", "sea")
SIZE = (64, 48)  # pixels of a made-up image


def fill(studio: Studio, items: int, project: int) -> float:
    """Write made-up items into the database as an import does, their images into the store. Returns seconds."""
    random, start = Random(0), time.perf_counter()

    def row(number: int) -> queries.NewRow:
        data = _image(number)
        sha256 = hashlib.sha256(data).hexdigest()
        path = studio.images.folder / sha256[:2] / sha256  # not flushed to the disk one by one, as `put` would
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        columns = {"sha256": sha256, "name": f"image {number}.png", "source": "bench", "licence": "CC0"}
        caption = " ".join(random.choices(WORDS, k=8)) + f" number{number}"
        mask = {"size": list(SIZE), "runs": [random.randrange(SIZE[0] * (SIZE[1] - 1)), 3]}
        drafts = {"caption_global": caption, "mask": mask}
        return columns | {"group": "", "width": SIZE[0], "height": SIZE[1]}, 0, f"import-{sha256[:32]}", drafts

    for first in range(0, items, CHUNK):
        rows = [row(number) for number in range(first, min(items, first + CHUNK))]
        with studio.workplace.writes(SYSTEM, "owner") as session:
            queries.add_items(session, project, studio.workplace.clock(), SYSTEM, rows)
    return time.perf_counter() - start


def _image(number: int) -> bytes:
    pixels = np.zeros(SIZE[::-1], np.uint8)
    pixels.flat[:8] = np.frombuffer(number.to_bytes(8, "little"), np.uint8)
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG", compress_level=1)
    return packed.getvalue()


class Refiner:
    """One person at work; `times` gets (what, seconds), `kept` the text of every acknowledged save."""

    def __init__(self, studio: Studio, name: str, project: int, seed: int):
        self.studio, self.name, self.project = studio, name, project
        self.random = Random(seed)
        self.times: list[tuple[str, float]] = []
        self.kept: dict[str, tuple[int, str]] = {}  # key -> (item, caption)
        self.conflicts = 0

    def work(self, operations: int, pause: float) -> None:
        """So many operations, with a random pause of `pause` seconds on average between two."""
        choices = [self.take_and_save] * 5 + [self.search, self.page, self.progress, self.correct, self.undo]
        while len(self.times) < operations:
            if pause:
                time.sleep(self.random.expovariate(1 / pause))
            self.random.choice(choices)()

    def take_and_save(self) -> None:
        """The usual round: the next item, then its save."""
        view = self._timed("next item", lambda: self.studio.next_item(self.name, self.project))
        if view is not None:
            self._save(view.id, view.version)

    def correct(self) -> None:
        """Change an item that anybody may be changing at the same moment."""
        item = self.random.choice(list(self.kept.values()) or [(1, "")])[0]
        view = self._timed("open", lambda: self.studio.open(self.name, item))
        self._save(view.id, view.version)

    def search(self) -> None:
        """Two words."""
        words = " ".join(self.random.sample(WORDS, 2))
        self._timed("search", lambda: self.studio.find(Filter(text=words), self.project))

    def page(self) -> None:
        """Any page of the list of drafts."""
        offset = 25 * self.random.randrange(40)
        wanted = Filter(states=("draft",))
        self._timed("page", lambda: self.studio.find(wanted, self.project, offset))

    def progress(self) -> None:
        """The figures above the desk."""
        self._timed("progress", lambda: self.studio.progress(self.project))

    def undo(self) -> None:
        """The last save, if nobody has changed the item since."""
        try:
            self._timed("undo", lambda: self.studio.undo(self.name))
        except InputError:
            self.conflicts += 1

    def _save(self, item: int, version: int) -> None:
        key, caption = uuid.uuid4().hex, f"{' '.join(self.random.choices(WORDS, k=8))} by {self.name}"
        try:
            self._timed("save", lambda: self.studio.save(self.name, item, version, {"caption_global": caption}, key))
            self.kept[key] = item, caption
        except (Conflict, Taken):
            self.conflicts += 1

    def _timed(self, what: str, call: Callable[[], Any]) -> Any:
        start = time.perf_counter()
        try:
            return call()
        finally:
            self.times.append((what, time.perf_counter() - start))


def keep_exporting(url: str, store: Path, out: Path, project: int, stop: Event) -> None:
    """In a process of its own: export the project again and again, each time as a new revision."""
    engine = connect(url)
    for number in itertools.count(1):
        if stop.is_set():
            return
        try:
            export(engine, ImageStore(store), out / f"v{number}", f"v{number}", project)
        except InputError as problem:
            if "nothing has been refined" not in str(problem):
                raise
            stop.wait(0.2)


def keep_training(out: Path, stop: Event) -> None:
    """In a process of its own: read every row of the newest revision again and again, as a training does."""
    while not stop.wait(0.5):
        finished = sorted(out.glob("v*/manifest.json"), key=lambda path: int(path.parent.name[1:]))
        if finished:
            for row in read_revision(finished[-1].parent).rows:
                assert row.mask.any()
                if stop.is_set():
                    return
