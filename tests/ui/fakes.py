"""Stand-ins for the models: the same interfaces, instant and predictable."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from core.thermal import ThermalImage, from_array


def scene(height: int = 48, width: int = 64, name: str = "scene.png") -> ThermalImage:
    """A dark 16-bit field with one 3 x 3 px target centred on x=20, y=10."""
    pixels = np.full((height, width), 7000, np.uint16)
    pixels[9:12, 19:22] = 9000
    return from_array(pixels, bit_depth=16, name=name)


class FakeSegmenter:
    """The brighter the pixel, the more likely a target. Counts its runs."""

    def __init__(self) -> None:
        self.runs: list[str] = []

    def probability(self, image: ThermalImage, text: str = "") -> np.ndarray:
        self.runs.append(text)
        return (image.pixels - image.pixels.min()) / max(1.0, float(np.ptp(image.pixels)))


@dataclass(frozen=True)
class FakeHit:
    name: str
    score: float
    position: int


@dataclass
class FakeIndex:
    """Finds what was added last, first; scores fall by 0.1."""

    names: list[str] = field(default_factory=list)

    def add(self, images: list[ThermalImage], names: list[str]) -> None:
        assert len(images) == len(names)
        self.names += names

    def search(self, text: str | None = None, image: ThermalImage | None = None, top: int = 12, alpha: float = 0.8):
        order = list(reversed(range(len(self.names))))[:top]
        return [FakeHit(self.names[at], 0.9 - 0.1 * rank, at) for rank, at in enumerate(order)]

    def __len__(self) -> int:
        return len(self.names)


class FakeChatSession:
    """Says the question back word by word; `model.busy` is held while it speaks."""

    def __init__(self, model: "FakeChat") -> None:
        self.model = model

    def ask(self, question: str, max_new_tokens: int = 128) -> Iterator[str]:
        with self.model.busy:
            yield f"You asked: {question}"
            yield " <box>[[80, 64, 160, 192]]</box> <pos>[(500, 500)]</pos>"


class FakeChat:
    """Counts its sessions: one an image, so that follow-ups reuse the prefix."""

    def __init__(self) -> None:
        self.busy = threading.Lock()
        self.sessions = 0

    def session(self, image: ThermalImage) -> FakeChatSession:
        self.sessions += 1
        return FakeChatSession(self)
