"""The searchable images: the bundled examples and what users added. Files stay on disk, embeddings in memory."""

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.thermal import ThermalImage, read_thermal
from ui import images

if TYPE_CHECKING:
    from core.tclip.index import ImageIndex

MAX_ADDED = 500
BATCH = 8  # images embedded between two reports of progress

log = logging.getLogger("studio")


class Library:
    """Images under `folder` beside the examples. Thread-safe; nothing is embedded before the first search."""

    def __init__(self, folder: Path, index: Callable[[], "ImageIndex"]) -> None:
        self.folder, self.index = folder, index
        self._lock = threading.Lock()
        self._indexed: list[Path] = []  # in the order of the index's positions
        self._broken: set[Path] = set()

    def paths(self) -> list[Path]:
        """Added images, newest first, then the examples."""
        added = sorted(self.folder.glob("*_*"), key=lambda path: (-path.stat().st_mtime_ns, path.name))
        return [path for path in [*added, *images.examples()] if path not in self._broken]

    def title(self, path: Path) -> str:
        """What people call an image of the library."""
        name = path.name.split("_", 1)[1] if path.parent == self.folder else path.name
        return images.caption(name)

    def add(self, source: str | None) -> Path:
        """Keep a copy of an uploaded file. Raises InputError: unreadable, already there, library full."""
        image = images.uploaded(source)
        data = Path(source or "").read_bytes()
        path = self.folder / f"{hashlib.sha256(data).hexdigest()[:16]}_{image.name}"
        if any(self.folder.glob(f"{path.name[:16]}_*")):
            raise InputError(f"'{image.name}' is already in the gallery: search for it or add another image.")
        if len(list(self.folder.glob("*_*"))) >= MAX_ADDED:
            raise InputError(f"The gallery already holds {MAX_ADDED} added images: ask its owner to make room.")
        self.folder.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name[:16]}.{os.getpid()}.{threading.get_ident()}")
        partial.write_bytes(data)
        partial.replace(path)
        return path

    def prepare(self) -> Iterator[tuple[int, int]]:
        """Embed what is not indexed yet, a few images at a time; yields (done, total)."""
        with self._lock:
            known = set(self._indexed)
            waiting = [path for path in self.paths() if path not in known]
            for start in range(0, len(waiting), BATCH):
                yield start, len(waiting)
                readable = {path: image for path in waiting[start : start + BATCH] if (image := self._read(path))}
                if readable:
                    self.index().add(list(readable.values()), [self.title(path) for path in readable])
                    self._indexed += readable

    def search(
        self, text: str | None = None, image: ThermalImage | None = None, top: int = 12
    ) -> list[tuple[Path, float]]:
        """(path, score), best first, of what `prepare` has indexed."""
        hits = self.index().search(text=text, image=image, top=top)
        return [(self._indexed[hit.position], hit.score) for hit in hits]

    def _read(self, path: Path) -> ThermalImage | None:
        try:
            return read_thermal(path)
        except InputError as error:
            log.warning("Left out of the gallery: %s", error)
            self._broken.add(path)
            return None
