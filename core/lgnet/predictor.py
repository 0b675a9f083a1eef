"""Image in, masks and targets out: the object an application holds."""

import json
import threading
from dataclasses import dataclass

import numpy as np
from skimage.measure import label, regionprops
from torch import nn

from core.device import device
from core.errors import InputError
from core.langir.regions import region_words
from core.lgnet.builders import BUILDERS
from core.lgnet.calibrate import load_ranges
from core.lgnet.descriptor import TargetDescriptor, TextImageEncoder, load_encoder
from core.lgnet.engine import fast_engine
from core.lgnet.inference import probability_map
from core.thermal import ThermalImage
from core.weights import load, resolve

MAX_TARGETS = 200  # beyond this the threshold is too low for the list to mean anything


@dataclass(frozen=True)
class Target:
    """One connected region of the mask: centre (x, y) and area in pixels, mean probability, place in words."""

    centroid_xy: tuple[float, float]
    area_px: int
    score: float
    region: str


@dataclass(frozen=True)
class Segmentation:
    """Boolean mask (H, W) and its targets, best score first (at most 200)."""

    mask: np.ndarray
    targets: tuple[Target, ...]


def segment(probability: np.ndarray, threshold: float = 0.5) -> Segmentation:
    """Threshold a probability map and list the connected regions (8-neighbourhood).

    Args:
        probability: float (H, W) in [0, 1].
        threshold: a pixel belongs to a target when its probability is above this.
    """
    mask = probability > threshold
    height, width = mask.shape
    targets = [
        Target(
            centroid_xy=(round(float(r.centroid[1]), 2), round(float(r.centroid[0]), 2)),
            area_px=int(r.area),
            score=round(float(r.intensity_mean), 4),
            region=region_words(r.centroid[1], r.centroid[0], width, height),
        )
        for r in regionprops(label(mask, connectivity=2), intensity_image=probability)
    ]
    return Segmentation(mask, tuple(sorted(targets, key=lambda t: -t.score)[:MAX_TARGETS]))


def load_model(name: str) -> tuple[nn.Module, TextImageEncoder | None]:
    """(network, encoder behind its target descriptors) of `bundled/lgnet`, a run folder or a Hub id.

    Raises:
        InputError: no such weights, or not of the architecture that config.json there names.
    """
    folder = resolve(name)
    config_file = folder / "config.json"
    if not config_file.is_file():
        raise InputError(f"{name} has no config.json; give a folder that core.lgnet.train wrote.")
    config = json.loads(config_file.read_text(encoding="utf-8"))
    if config.get("architecture") not in BUILDERS:
        raise InputError(f"{name} is no network of core.lgnet.train; its config.json names none of {[*BUILDERS]}.")
    model = BUILDERS[config["architecture"]](config["descriptor_dim"])
    try:
        model.load_state_dict({k: v.float() for k, v in load(folder / "model.safetensors").items()}, strict=True)
    except RuntimeError as error:
        raise InputError(f"{name} does not hold weights of {config['architecture']}; train it again.") from error
    return model.to(device()).eval(), load_encoder(config["descriptor"])


class LGNetPredictor:
    """LGNet on this machine's fastest engine, with its target-descriptor encoder; thread-safe."""

    def __init__(
        self, model: nn.Module, encoder: TextImageEncoder | None, ranges: dict[str, float] | None = None
    ) -> None:
        self.engine = fast_engine(model, ranges)
        self.descriptor = TargetDescriptor(encoder)
        self.lock = threading.Lock()

    @classmethod
    def from_weights(cls, name: str = "bundled/lgnet") -> "LGNetPredictor":
        """Load `bundled/lgnet`, a run folder or a Hub id; config.json there names the size and the encoder.

        Raises:
            InputError: no such weights, or not of this architecture.
        """
        return cls(*load_model(name), load_ranges(resolve(name)))

    def probability(self, image: ThermalImage, text: str = "") -> np.ndarray:
        """Target probability of every pixel: float32 (H, W) in [0, 1].

        Args:
            text: what is known of the target in words; empty: image alone.
        """
        with self.lock:
            return probability_map(self.engine, image.unit01(), self.descriptor(image, text))
