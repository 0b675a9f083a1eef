"""A studio in a temporary folder, and images made for it."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from labeling.items import NewItem
from labeling.studio import Studio


def inspect(data: bytes, name: str) -> tuple[int, int]:
    try:
        return Image.open(io.BytesIO(data)).size
    except OSError:
        raise InputError(f"{name} is no image") from None


def png(seed: int, width: int = 7, height: int = 5) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 2**16, (height, width), dtype=np.uint16)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def new(seed: int, width: int = 7, height: int = 5, **more) -> NewItem:
    return NewItem(png(seed, width, height), f"image {seed}.png", "test camera", "CC0-1.0", **more)


def open_studio(folder: Path) -> Studio:
    return Studio(f"sqlite:///{folder / 'studio.db'}", folder / "store", inspect)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return open_studio(tmp_path)
