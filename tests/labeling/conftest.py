"""A studio in a temporary folder, and images made for it."""

import atexit
import functools
import io
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import InputError
from labeling.database import connect
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


@functools.cache
def blank() -> Path:
    """An empty database at the newest schema: migrating anew for every test would take most of its time."""
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    connect(f"sqlite:///{folder / 'studio.db'}").dispose()
    return folder / "studio.db"


def open_studio(folder: Path, url: str | None = None, **more) -> Studio:
    """A studio on a SQLite file in the folder, or on the database at `url`; its images are in the folder."""
    if url is None and not (folder / "studio.db").exists():
        shutil.copy(blank(), folder / "studio.db")
    return Studio(url or f"sqlite:///{folder / 'studio.db'}", folder / "store", inspect, **more)


class Clock:
    """Time that passes only when told, in milliseconds."""

    def __init__(self) -> None:
        self.at = 1_700_000_000_000

    def __call__(self) -> int:
        return self.at

    def pass_minutes(self, minutes: float) -> None:
        self.at += int(minutes * 60_000)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database at the newest schema; every test that takes it runs on both kinds."""
    if request.param == "postgresql":
        return request.getfixturevalue("postgres")()
    shutil.copy(blank(), tmp_path / "studio.db")
    return f"sqlite:///{tmp_path / 'studio.db'}"


@pytest.fixture
def studio(tmp_path: Path, url: str) -> Iterator[Studio]:
    studio = open_studio(tmp_path, url)
    yield studio
    studio.engine.dispose()


def keys() -> Callable[[], str]:
    number = iter(range(10**6))
    return lambda: f"key-{next(number):08d}"
