"""Infrared images: one type that every model takes, one function that reads every file.

Files are decoded here and nowhere else: web image widgets turn 16-bit thermal images into white.
Pixels stay as stored: no EXIF rotation, no rescaling, 16-bit counts stay counts.
"""

import io
import logging
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image

from core import radiometric
from core.errors import InputError

MAX_PIXELS = 25_000_000
MAX_BYTES = 256 * 2**20
FORMATS = ("PNG", "TIFF", "JPEG", "WEBP", "BMP")
FORMATS_IN_WORDS = "PNG, TIFF, JPEG, WebP or BMP"
_GREYABLE = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX"}  # Pillow modes of at most 8 bits a channel
_DEEP = {"I;16", "I;16B", "I;16L", "I", "F"}  # Pillow modes that keep more than 8 bits exactly

# For the whole process: also web frameworks and flyr decode with Pillow, whose own limit is 179 megapixels.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)
# A damaged file gets one line, ours.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


@dataclass(frozen=True, eq=False)
class ThermalImage:
    """One infrared image.

    pixels: float32 (H, W), finite; unit: "kelvin", "celsius" or "counts" (raw or display values);
    bit_depth: of the source, 8, 16 or 32; name: a base name that is safe in paths and HTML.
    """

    pixels: np.ndarray
    unit: str = "counts"
    bit_depth: int = 8
    name: str = "image"

    @property
    def height(self) -> int:
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        return self.pixels.shape[1]

    @property
    def size(self) -> tuple[int, int]:
        """(W, H), pixels."""
        return self.width, self.height

    def view8(self, low: float = 0.5, high: float = 99.5) -> np.ndarray:
        """uint8 (H, W) for display: linear between two percentiles; sources of 8 bits stay as they are.

        Where both percentiles coincide (a few hot pixels on a flat field) the whole range is shown;
        a constant deep image is all zeros.
        """
        pixels = self.pixels
        minimum, maximum = float(pixels.min()), float(pixels.max())
        if self.bit_depth <= 8 and minimum >= 0 and maximum <= 255:
            return np.rint(pixels).astype(np.uint8)
        black, white = (float(value) for value in np.percentile(pixels.astype(np.float64), (low, high)))
        if white <= black:
            black, white = minimum, maximum
        if white <= black:
            return np.zeros(pixels.shape, np.uint8)
        scaled = (pixels.astype(np.float64) - black) * (255 / (white - black))
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)

    def unit01(self) -> np.ndarray:
        """float32 (H, W) in [0, 1], what models see: view8() / 255."""
        return self.view8().astype(np.float32) / 255


def safe_name(name: str) -> str:
    """The last part of a path with every character that paths or HTML could take amiss replaced by `_`."""
    base = re.sub(r"[^\w.\-+() ]", "_", re.split(r"[/\\]", name)[-1]).strip(" ").lstrip(".")
    return base[-100:] or "image"


def from_array(array: np.ndarray, unit: str = "counts", bit_depth: int = 8, name: str = "array") -> ThermalImage:
    """(H, W) numbers -> ThermalImage. NaN and -inf become the finite minimum, +inf the finite maximum.

    Raises InputError when the array is empty, not two-dimensional, or has no finite value.
    """
    name = safe_name(name)
    if array.ndim != 2 or not array.size:
        raise InputError(f"'{name}' has shape {array.shape}: give one image of height x width pixels.")
    with np.errstate(over="ignore"):
        pixels = array.astype(np.float32)
    finite = np.isfinite(pixels)
    if not finite.all():
        if not finite.any():
            raise InputError(f"'{name}' holds no finite value: export it again with valid pixels.")
        low, high = pixels[finite].min(), pixels[finite].max()
        pixels = np.nan_to_num(pixels, nan=low, neginf=low, posinf=high)
    return ThermalImage(pixels, unit, bit_depth, name)


def read_thermal(path_or_bytes: str | Path | bytes, name: str | None = None) -> ThermalImage:
    """Read one image file, or its bytes under `name`.

    FLIR and DJI radiometric JPEGs give degrees Celsius; everything else gives counts. Of several pages or
    frames the first is read; colour becomes luma (ITU-R BT.601; grey stored as colour stays exact), alpha is dropped.
    Raises InputError, one sentence with the file's name and the next step, for whatever can't be read.
    """
    data, name = (path_or_bytes, name or "image") if isinstance(path_or_bytes, bytes) else _file(path_or_bytes, name)
    name = safe_name(name)
    if not data:
        raise InputError(f"'{name}' is empty: copy or export it again.")
    try:
        celsius = radiometric.celsius(data, name)
        if celsius is not None:
            return from_array(celsius, "celsius", 16, name)
        array, bit_depth = _decode(data, name)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(name) from None
    except Exception as error:  # decoders of hostile bytes raise nearly anything
        reason = type(error).__name__
        raise InputError(f"'{name}' is damaged or cut short ({reason}): export or download it again.") from error
    return from_array(array, "counts", bit_depth, name)


def _file(path: str | Path, name: str | None) -> tuple[bytes, str]:
    path = Path(path)
    name = safe_name(name or path.name or str(path))
    try:
        if path.is_dir():
            raise InputError(f"'{name}' is a folder: name one image file in it.")
        if not path.is_file():
            raise InputError(f"'{name}' does not exist or is not a file: check the path.")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"'{name}' is over {MAX_BYTES >> 20} MB: give a smaller image file.")
        return path.read_bytes(), name
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"'{name}' can't be opened: check the path and the file's permissions.") from error


def _decode(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """File bytes -> (H, W) array of any number type, bit depth."""
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _decode_tiff(data, name)
    if data[:4] == b"\x89PNG" and data[24:26] in (b"\x10\x02", b"\x10\x04", b"\x10\x06"):
        # Pillow would silently drop the low byte.
        raise InputError(f"'{name}' has colour or alpha at 16 bits a channel: save it as a 16-bit greyscale PNG.")
    with _open(data, name) as image:
        if image.mode in _GREYABLE:
            return np.asarray(image.convert("L")), 8
        return _deep(image, name), 16


def _decode_tiff(data: bytes, name: str) -> tuple[np.ndarray, int]:
    """First page. tifffile knows every sample type but unpacks without a bound; libtiff unpacks into a fixed buffer."""
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        page = tiff.pages.first
        bits, samples = page.bitspersample, page.samplesperpixel
        if page.imagewidth * page.imagelength > MAX_PIXELS:
            raise _too_large(name)
        if bits > 8 and page.compression == tifffile.COMPRESSION.NONE and samples <= 4:
            array = page.asarray(maxworkers=1)
            return _grey(array, page.axes, name), 16 if bits <= 16 else 32
    with _open(data, name) as image:
        if bits <= 8 and image.mode in _GREYABLE:
            return np.asarray(image.convert("L")), 8
        return _deep(image, name), 16 if bits <= 16 else 32


def _open(data: bytes, name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise InputError(f"'{name}' is not an image that can be read: give a {FORMATS_IN_WORDS} file.") from None
    if image.width * image.height > MAX_PIXELS:
        raise _too_large(name)
    return image


def _deep(image: Image.Image, name: str) -> np.ndarray:
    if image.mode not in _DEEP:
        raise InputError(f"'{name}' has a pixel layout ({image.mode}) that can't be read: save it as greyscale.")
    return np.asarray(image)


def _grey(array: np.ndarray, axes: str, name: str) -> np.ndarray:
    """(H, W), (H, W, S) or (S, H, W) with 1 to 4 samples -> (H, W); the second or fourth sample is alpha."""
    if axes == "SYX":
        array = np.moveaxis(array, 0, -1)
    elif axes not in ("YX", "YXS"):
        raise InputError(f"'{name}' is not a flat image (axes {axes}): save one greyscale page.")
    if array.dtype.kind not in "uif":
        raise InputError(f"'{name}' holds {array.dtype} values: save it as 16-bit or float greyscale.")
    if array.ndim == 2:
        return array
    if array.shape[-1] < 3:
        return array[..., 0]
    luma = array[..., :3].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    return luma if array.dtype.kind == "f" else np.rint(luma)


def _too_large(name: str) -> InputError:
    return InputError(f"'{name}' has more than {MAX_PIXELS // 10**6} megapixels: crop or shrink it first.")
