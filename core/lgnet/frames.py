"""Frames of images, folders and video clips, one at a time. What can't be read comes as an error in its place."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from core.errors import InputError
from core.lgnet.dataset import IMAGE_SUFFIXES
from core.thermal import MAX_PIXELS, ThermalImage, from_array, read_thermal

SUFFIXES = (*IMAGE_SUFFIXES, ".webp")
CLIP_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv", ".gif")


@dataclass(frozen=True)
class Source:
    """One image file or one clip; `frames` is how many images to expect, 0 where the clip does not say."""

    path: Path
    clip: bool = False
    frames: int = 1


@dataclass(frozen=True)
class Frame:
    """One image of a source: `key` is the image's path, or the clip's path with #number; `stem` names its files."""

    key: str
    stem: str
    image: ThermalImage | InputError


def find_sources(paths: list[Path]) -> list[Source]:
    """Image files and clips of the paths, folders opened (sorted by name, not recursive).

    Raises:
        InputError: a folder without any image or clip.
    """
    sources = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in sorted(path.iterdir()) if p.suffix.lower() in (*SUFFIXES, *CLIP_SUFFIXES)]
            if not inside:
                raise InputError(f"{path} holds no image or clip ({', '.join((*SUFFIXES, *CLIP_SUFFIXES))}).")
        else:
            inside = [path]
        sources += [Source(p, True, _length(p)) if p.suffix.lower() in CLIP_SUFFIXES else Source(p) for p in inside]
    return sources


def read_frames(source: Source) -> Iterator[Frame]:
    """The frames of a source in order; at most one is in memory."""
    if source.clip:
        yield from _clip_frames(source.path)
        return
    image: ThermalImage | InputError
    try:
        image = read_thermal(source.path)
    except InputError as error:
        image = error
    yield Frame(str(source.path), source.path.stem, image)


def _length(path: Path) -> int:
    try:
        with av.open(str(path)) as clip:
            return clip.streams.video[0].frames
    except (av.FFmpegError, LookupError, OSError, ValueError):
        return 0


def _clip_frames(path: Path) -> Iterator[Frame]:
    """Decode packet by packet, so that one that is damaged costs its own frames only."""
    number = 0

    def frame(image: ThermalImage | InputError) -> Frame:
        return Frame(f"{path}#{number}", f"{path.stem}_{number:06d}", image)

    try:
        clip = av.open(str(path))
        stream = clip.streams.video[0]
    except (av.FFmpegError, LookupError, OSError, ValueError):
        yield frame(InputError(f"'{path.name}' is no clip that can be read; export it again, as MP4 for example."))
        return
    with clip:
        if stream.width * stream.height > MAX_PIXELS:
            yield frame(InputError(f"'{path.name}' has more than {MAX_PIXELS // 10**6} megapixels a frame; shrink it."))
            return
        packets = clip.demux(stream)
        while True:
            try:
                packet = next(packets, None)
                if packet is None:
                    return
                decoded = packet.decode()
            except av.FFmpegError:
                number += 1
                yield frame(InputError(f"'{path.name}' is damaged at frame {number}; the frames after it go on."))
                continue
            for picture in decoded:
                number += 1
                yield frame(_image(picture, f"{path.stem}_{number:06d}"))


def _image(picture: av.VideoFrame, name: str) -> ThermalImage | InputError:
    """Grey of a decoded frame, 16 bits where the clip holds more than 8."""
    deep = any(component.bits > 8 for component in picture.format.components)
    try:
        grey: np.ndarray = picture.to_ndarray(format="gray16le" if deep else "gray")
    except (av.FFmpegError, ValueError):
        return InputError(f"'{name}' can't be turned into a grey image; export the clip again.")
    return from_array(grey, bit_depth=16 if deep else 8, name=name)
