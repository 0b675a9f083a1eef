"""Temperatures inside camera JPEGs: FLIR through flyr, DJI through dji-thermal-cli.

Found by content: both makers put the sensor's frame into the JPEG's application segments.
"""

import io
from collections.abc import Iterator

import numpy as np

from core.errors import InputError

_FLIR = b"FLIR\0"
_APP1, _APP3, _APP4, _START_OF_SCAN = 0xE1, 0xE3, 0xE4, 0xDA
_SMALLEST_DJI_FRAME = 2 * 160 * 120  # bytes; plain DJI photos may carry a short APP3


def celsius(data: bytes, name: str) -> np.ndarray | None:
    """JPEG bytes -> float (H, W) degrees Celsius, or None when the file holds no radiometric frame.

    Raises InputError when it holds one that can't be read here.
    """
    if data[:2] != b"\xff\xd8":
        return None
    segments = list(_segments(data))
    flir = [body for marker, body in segments if marker == _APP1 and body.startswith(_FLIR)]
    if flir:
        return _flir(data, flir, name)
    frame = sum(len(body) for marker, body in segments if marker == _APP3)
    made_by_dji = any(marker == _APP1 and body.startswith(b"Exif") and b"DJI" in body for marker, body in segments)
    if made_by_dji and frame >= _SMALLEST_DJI_FRAME and any(marker == _APP4 for marker, _ in segments):
        return _dji(data, name)
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of each segment up to the first scan (ITU-T T.81, B.1.1)."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == _START_OF_SCAN or length < 2:
            return
        yield marker, data[at + 4 : at + 2 + length]
        at += 2 + length


def _flir(data: bytes, segments: list[bytes], name: str) -> np.ndarray:
    import flyr

    record = b"".join(body[8:] for body in sorted(segments, key=lambda body: body[6:7]))
    entries = int.from_bytes(record[0x1C:0x20], "big")
    try:
        if 32 * entries > len(record):  # flyr would loop over up to 2^32 entries
            raise ValueError("record directory longer than the file")
        with np.errstate(invalid="ignore", divide="ignore"):  # counts below the camera's range: log of a negative
            return flyr.unpack(io.BytesIO(data)).celsius
    except Exception as error:  # flyr checks little; hostile records raise nearly anything
        raise InputError(
            f"'{name}' is a FLIR JPEG whose temperatures flyr can't read ({type(error).__name__}): "
            "copy the original from the camera, or export it as a 16-bit TIFF."
        ) from error


def _dji(data: bytes, name: str) -> np.ndarray:
    try:
        from dji_thermal_cli import tsdk
    except (ImportError, SyntaxError):  # the package is written for Python 3.12 and later
        raise InputError(
            f"'{name}' is a DJI radiometric JPEG, which needs Python 3.12 or later and the package dji-thermal-cli: "
            "install them, or export it as a 16-bit TIFF."
        ) from None
    try:
        return tsdk.open(data).measure_temperature_c()
    except Exception as error:
        raise InputError(
            f"'{name}' is a DJI radiometric JPEG that dji-thermal-cli can't read ({type(error).__name__}): "
            "copy the original from the camera, or export it as a 16-bit TIFF."
        ) from error
