"""What app.py hands to the tabs: models behind lazy getters, the labeling studio, the manifest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.irgpt.predictor import IRGPT
    from core.lgnet.predictor import LGNetPredictor
    from core.tclip.index import ImageIndex
    from labeling.studio import Studio


@dataclass(frozen=True)
class Services:
    """Each getter loads its model at the first call and returns the same object after; all are thread-safe."""

    segmenter: Callable[[], "LGNetPredictor"]
    index: Callable[[], "ImageIndex"]
    chat: Callable[[], "IRGPT"]
    studio: "Studio"
    manifest: dict[str, Any]  # weights/manifest.json
    data: Path  # folder of everything users leave behind: database, images, exports
