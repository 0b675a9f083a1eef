"""Files that a careless or malicious person might upload. Each must give one InputError, fast and in little memory."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

BOMB_SIDE = 20_000  # pixels; 400 megapixels, 400 MB once decoded


def hostile_files(folder: Path) -> dict[str, Path]:
    """Write one file for each kind of hostility into `folder`; kind -> path. "missing" and "folder" are no files."""
    png = _saved(_noise(), "PNG")
    contents = {
        "corrupt.png": png[:100] + bytes(200) + png[300:],
        "truncated.png": png[: len(png) // 2],
        "truncated.jpg": _saved(_noise(), "JPEG")[:900],
        "truncated.tif": tiff_bytes(np.zeros((64, 64), np.uint16))[:2000],
        "truncated_compressed.tif": _saved(_noise(), "TIFF", compression="tiff_lzw")[:2000],
        "header_only.tif": b"II*\0" + bytes(4),
        "header_only.png": png[:8],
        "bomb.png": png_bomb(),
        "bomb.tif": tiff_bomb(),
        "zero_size.png": _png(0, 0, b""),
        "text.png": b"This is a text file that calls itself a picture.\n" * 20,
        "empty.png": b"",
        "vector.svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
        "animated.gif": _saved(_noise(), "GIF", save_all=True, append_images=[Image.new("L", (64, 64))]),
        "print.jpg": _saved(Image.new("CMYK", (64, 64)), "JPEG"),
        "deep_colour.png": _png(4, 4, bytes(4 * (1 + 4 * 6)), bit_depth=16, colour_type=2),
        "complex.tif": tiff_bytes(np.ones((8, 8), np.complex64)),
        "nothing_finite.tif": tiff_bytes(np.full((8, 8), np.nan, np.float32)),
        "flir_without_temperatures.jpg": _with_segment(0xE1, b"FLIR\0\x01\0\0" + b"FFF\0" + bytes(60)),
        "flir_endless_directory.jpg": _with_segment(0xE1, b"FLIR\0\x01\0\0" + b"FFF\0" + bytes(24) + b"\xff" * 36),
    }
    paths = {}
    for name, content in contents.items():
        paths[name] = folder / name
        paths[name].write_bytes(content)
    paths["missing"] = folder / "no" / "such" / "file.png"
    paths["traversal"] = folder / ".." / ".." / "no_such_folder" / "x.png"
    paths["folder"] = folder / "folder.png"
    paths["folder"].mkdir()
    return paths


def png_bomb(side: int = BOMB_SIDE) -> bytes:
    """A valid black 8-bit PNG of side x side pixels (a multiple of 20) in some 400 kB, made without holding its pixels.

    One compressed band of rows is repeated 20 times; the Adler-32 sum of n zeros is (n mod 65521) * 2^16 + 1.
    """
    size = side * (1 + side)
    deflate = zlib.compressobj(9, wbits=-15)
    band = deflate.compress(bytes(size // 20)) + deflate.flush(zlib.Z_FULL_FLUSH)
    stream = b"\x78\xda" + band * 20 + b"\x03\x00" + struct.pack(">I", (size % 65521) << 16 | 1)
    return _png(side, side, stream, compressed=True)


def tiff_bomb(side: int = BOMB_SIDE) -> bytes:
    """A 16-bit TIFF header that promises side x side pixels."""
    header = bytearray(tiff_bytes(np.zeros((8, 8), np.uint16)))
    with tifffile.TiffFile(io.BytesIO(header)) as tiff:
        for tag in ("ImageWidth", "ImageLength"):
            entry = tiff.pages.first.tags[tag]
            struct.pack_into("<H", header, entry.valueoffset, side)
    return bytes(header)


def tiff_bytes(array: np.ndarray, **options) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, metadata=None, **options)
    return out.getvalue()


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8))


def _saved(image: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def _png(
    width: int, height: int, rows: bytes, bit_depth: int = 8, colour_type: int = 0, compressed: bool = False
) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bit_depth, colour_type, 0, 0, 0)
    pixels = rows if compressed else zlib.compress(rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def _with_segment(marker: int, body: bytes) -> bytes:
    """A good JPEG with one more application segment."""
    jpeg = _saved(_noise(), "JPEG")
    return jpeg[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]
