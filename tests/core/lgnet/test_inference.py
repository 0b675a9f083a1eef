import numpy as np
import torch
from torch import nn

from core.lgnet import inference
from core.lgnet.builders import build_lgnet_toy
from core.lgnet.engine import TorchEngine


class LocalModel(nn.Module):
    """Answers each pixel from its 5 x 5 neighbourhood, so that tiles with enough margin must change nothing."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 5, padding=2)

    def forward(self, image, descriptor):
        return self.conv(image), []


def test_tiles_give_what_the_whole_image_gives(monkeypatch):
    torch.manual_seed(0)
    engine, pixels = TorchEngine(LocalModel(), half=False), np.random.default_rng(0).random((101, 77), np.float32)
    whole = inference.probability_map(engine, pixels)
    monkeypatch.setattr(inference, "TILE", 40)
    monkeypatch.setattr(inference, "MARGIN", 6)
    tiled = inference.probability_map(engine, pixels)
    assert tiled.shape == whole.shape and np.abs(tiled - whole).max() < 1e-6


def test_very_long_and_thin_images_go_through(monkeypatch):
    monkeypatch.setattr(inference, "TILE", 64)
    monkeypatch.setattr(inference, "MARGIN", 8)
    engine = TorchEngine(build_lgnet_toy())
    for shape in [(1, 300), (300, 2), (65, 65)]:
        probability = inference.probability_map(engine, np.zeros(shape, np.float32))
        assert probability.shape == shape and np.isfinite(probability).all()
