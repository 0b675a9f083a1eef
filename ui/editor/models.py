"""What the bundled models do for refiners: suggestions on an item, and items that look alike. Never more than a few
people's requests at a time, so that saving never waits for a model."""

import importlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from core.errors import InputError
from core.thermal import ThermalImage, read_thermal
from labeling import masks
from labeling.items import View
from labeling.studio import Filter, Studio
from ui.services import Services

if TYPE_CHECKING:
    from core.tclip.index import ImageIndex

WAITING = 4  # requests that may wait for the models; each holds one of the server's threads
THRESHOLD = 0.5  # of LGNet's probability
MAX_BOXES = 50  # more regions than that are no targets
EMBEDDED_AT_ONCE = 64  # images that one similarity search may add to the index
DESCRIBE = "Describe this picture in detail."


class Models:
    """The models behind the studio, one request after the other."""

    def __init__(self, studio: Studio, services: Services):
        self.studio, self.services = studio, services
        self._line, self._turn = threading.BoundedSemaphore(WAITING), threading.Lock()
        self._index: ImageIndex | None = None
        self._indexed: list[tuple[int, int]] = []  # (item, its project) in the order of the index's positions

    def suggest(self, item_id: int) -> None:
        """Keep what the models propose for an item: mask and boxes by LGNet, a caption by the chat model."""
        view = self.studio.item(item_id)
        wanted = next(project.fields for project in self.studio.projects() if project.id == view.project)
        with self._my_turn():
            image = read_thermal(self.studio.image(view), view.name)
            if {"mask", "boxes"} & set(wanted):
                values, score = small_targets(self.services.segmenter().probability(image))
                self._keep(view, {name: values[name] for name in values if name in wanted}, "lgnet", score)
            if "caption_global" in wanted:
                self._keep(view, {"caption_global": self._caption(image)}, "irgpt", None)

    def alike(self, view: View, top: int) -> tuple[dict[int, float], int, int]:
        """({item: cosine} of the most similar items of its project, best first; how many were compared; how many are).

        Each call embeds a part of what is new in the project, the latest changes first.
        """
        with self._my_turn():
            if self._index is None:
                self._index = self.make_index()
            known, new, offset = {item for item, _ in self._indexed}, list[View](), 0
            while len(new) < EMBEDDED_AT_ONCE:
                page = self.studio.find(Filter(), view.project, offset, 500)
                new += [item for item in page.items if item.id not in known]
                offset += 500
                if offset >= page.total:
                    break
            new = new[:EMBEDDED_AT_ONCE]
            readable = {item.id: image for item in new if (image := self._read(item)) is not None}
            self._index.add(list(readable.values()), [str(item_id) for item_id in readable])
            self._indexed += [(item_id, view.project) for item_id in readable]
            hits = self._index.search(image=self._read(view), top=len(self._indexed))
            found = [(self._indexed[hit.position], hit.score) for hit in hits]
            compared = sum(project == view.project for _, project in self._indexed)
        kept = [(item, score) for (item, project), score in found if project == view.project and item != view.id]
        return dict(kept[:top]), compared, page.total

    def make_index(self) -> "ImageIndex":
        """An empty index for the queue's images, apart from the Retrieve tab's."""
        return importlib.import_module("core.tclip.index").ImageIndex(self.services.index().model)

    def _caption(self, image: ThermalImage) -> str:
        said = "".join(self.services.chat().session(image).ask(DESCRIBE))
        return " ".join(re.sub(r"<(\w+)>.*?</\1>", "", said).split())

    def _keep(self, view: View, values: dict[str, Any], model: str, score: float | None) -> None:
        known = self.services.manifest["models"].get(model, {})
        version = str(known.get("git_revision", "unknown"))[:12]
        self.studio.suggest(view.id, values, str(known.get("title", model)), version, score)

    def _read(self, view: View) -> ThermalImage | None:
        try:
            return read_thermal(self.studio.image(view), view.name)
        except InputError:
            return None

    @contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._line.acquire(blocking=False):
            raise InputError("The models are busy with other people's images: ask again in a moment.")
        try:
            with self._turn:
                yield
        finally:
            self._line.release()


def small_targets(probability: np.ndarray) -> tuple[dict[str, Any], float]:
    """Mask and boxes of what is probably a target, and how sure the model is of them, from 0 to 1.

    Args:
        probability: float (H, W) in [0, 1].
    """
    mask = probability > THRESHOLD
    regions, count = ndimage.label(mask, np.ones((3, 3)))
    values: dict[str, Any] = {"mask": masks.encode(mask)}
    if count <= MAX_BOXES:
        spans = [(slices[1], slices[0]) for slices in ndimage.find_objects(regions)]
        values["boxes"] = [
            {"label": "small target", "xyxy": [int(x.start), int(y.start), int(x.stop), int(y.stop)]} for x, y in spans
        ]
    score = probability[mask].mean() if count else 1 - probability.max()
    return values, float(score)
