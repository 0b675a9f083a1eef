"""Image in, masks and targets out: the object an application holds."""

import json
import threading
from dataclasses import dataclass

import numpy as np
import torch
from skimage.measure import label, regionprops

from core.device import device
from core.errors import InputError
from core.lgnet.builders import build_lgnet, build_lgnet_toy
from core.lgnet.descriptor import TextImageEncoder, load_encoder, target_descriptor
from core.lgnet.inference import probability_map
from core.lgnet.model import LGNet
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


def region_words(x: float, y: float, width: int, height: int) -> str:
    """Place of a point on a 3 x 3 grid in words: "upper left", "center", "lower center" ..."""
    column = ("left", "center", "right")[min(2, int(3 * x / width))]
    row = ("upper", "middle", "lower")[min(2, int(3 * y / height))]
    if row == "middle":
        return column
    return f"{row} {column}"


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


class LGNetPredictor:
    """LGNet with its target-descriptor encoder; thread-safe."""

    def __init__(self, model: LGNet, encoder: TextImageEncoder | None) -> None:
        self.model = model.to(device()).to(memory_format=torch.channels_last).eval()
        self.encoder = encoder
        self.lock = threading.Lock()

    @classmethod
    def from_weights(cls, name: str = "bundled/lgnet") -> "LGNetPredictor":
        """Load `bundled/lgnet`, a run folder or a Hub id; config.json there names the size and the encoder.

        Raises:
            InputError: no such weights, or not of this architecture.
        """
        folder = resolve(name)
        config_file = folder / "config.json"
        if not config_file.is_file():
            raise InputError(f"{name} has no config.json; give a folder that core.lgnet.train wrote.")
        config = json.loads(config_file.read_text(encoding="utf-8"))
        build = {"lgnet": build_lgnet, "lgnet-toy": build_lgnet_toy}[config["architecture"]]
        model = build(descriptor_dim=config["descriptor_dim"])
        try:
            model.load_state_dict({k: v.float() for k, v in load(folder / "model.safetensors").items()}, strict=True)
        except RuntimeError as error:
            raise InputError(f"{name} does not hold weights of {config['architecture']}; train it again.") from error
        return cls(model, load_encoder(config["descriptor"]))

    def probability(self, image: ThermalImage, text: str = "") -> np.ndarray:
        """Target probability of every pixel: float32 (H, W) in [0, 1].

        Args:
            text: what is known of the target in words; empty: image alone.
        """
        descriptor = target_descriptor(self.encoder, image, text) if self.encoder else None
        with self.lock:
            return probability_map(self.model, image.unit01(), descriptor)
