"""Target descriptors: what the text-image encoder says of an image and a sentence (3.2)."""

from typing import Protocol

import numpy as np

from core.thermal import ThermalImage


class TextImageEncoder(Protocol):
    """The plug behind the target descriptor: the bundled thermal CLIP, or any encoder with these two methods."""

    def encode_images(self, images: list[ThermalImage]) -> np.ndarray:
        """(N, D) unit rows."""

    def encode_texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) unit rows."""


class ThermalEncoder:
    """The thermal CLIP without its retrieval adapters: the embeddings that LGNet learnt on."""

    def __init__(self, name: str = "bundled/tclip") -> None:
        from core.tclip.predictor import ThermalCLIP

        self.clip = ThermalCLIP.from_weights(name)

    def encode_images(self, images: list[ThermalImage]) -> np.ndarray:
        """(N, D) unit rows."""
        return self.clip.encode_images(images, adapter="none")

    def encode_texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) unit rows."""
        return self.clip.encode_texts(texts, adapter="none")


def load_encoder(name: str) -> TextImageEncoder | None:
    """The encoder of a name; None for "none", which leaves the descriptor at zero."""
    return None if name == "none" else ThermalEncoder(name)


def target_descriptor(encoder: TextImageEncoder, image: ThermalImage, text: str = "") -> np.ndarray:
    """TD = T_e + I_e; T_e is left out where nothing is said. Shape (D,), float32."""
    descriptor = encoder.encode_images([image])[0]
    if text.strip():
        descriptor = descriptor + encoder.encode_texts([text.strip()])[0]
    return descriptor.astype(np.float32)
