"""Target descriptors: what the text-image encoder says of an image and a sentence (3.2)."""

from typing import Protocol

import numpy as np
import torch
from PIL import Image

from core.device import device
from core.errors import InputError
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


class OpenCLIPEncoder:
    """Any open_clip model, CLIP ViT-B/16 for example: "hf-hub:ORG/NAME", or "local-dir:FOLDER" of the same files."""

    def __init__(self, name: str) -> None:
        import open_clip

        try:
            self.clip, self.preprocess = open_clip.create_model_from_pretrained(name, device=device())
            self.tokenizer = open_clip.get_tokenizer(name)
        except Exception as error:  # open_clip and the Hub raise nearly anything
            raise InputError(f"open_clip can't load '{name}'; check the name and the network.") from error
        self.clip.eval()

    @torch.inference_mode()
    def encode_images(self, images: list[ThermalImage]) -> np.ndarray:
        """(N, D) unit rows; grey is repeated over the three channels."""
        pictures = [self.preprocess(Image.fromarray(image.view8()).convert("RGB")) for image in images]
        return self.clip.encode_image(torch.stack(pictures).to(device()), normalize=True).float().cpu().numpy()

    @torch.inference_mode()
    def encode_texts(self, texts: list[str]) -> np.ndarray:
        """(N, D) unit rows."""
        return self.clip.encode_text(self.tokenizer(texts).to(device()), normalize=True).float().cpu().numpy()


def load_encoder(name: str) -> TextImageEncoder | None:
    """The encoder of a name; None for "none", which leaves the descriptor at zero."""
    if name.startswith(("hf-hub:", "local-dir:")):
        return OpenCLIPEncoder(name)
    return None if name == "none" else ThermalEncoder(name)


class TargetDescriptor:
    """TD = T_e + I_e; T_e is left out where nothing is said. The last image stays embedded, its texts are cheap."""

    def __init__(self, encoder: TextImageEncoder | None) -> None:
        self.encoder = encoder
        self._embedded: tuple[ThermalImage, np.ndarray] | None = None

    def __call__(self, image: ThermalImage, text: str = "") -> np.ndarray | None:
        """Shape (D,), float32; None without an encoder."""
        if self.encoder is None:
            return None
        if self._embedded is None or self._embedded[0] is not image:
            self._embedded = (image, self.encoder.encode_images([image])[0].astype(np.float32))
        descriptor = self._embedded[1]
        return descriptor + self.encoder.encode_texts([text.strip()])[0] if text.strip() else descriptor
