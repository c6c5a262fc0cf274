"""Image files that appear whole or not at all."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np

from ..common.errors import DataError, OutputError
from ..common.files import make_folder, whole_file
from .header import PNG_SIGNATURE
from .png import chunk, encode_png


def write_png(path: str | Path, array: np.ndarray) -> None:
    """Write uint8 grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4]; missing parent folders are made.

    Raises:
        DataError: another shape or type.
        OutputError: the place cannot be written to.
    """
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or channels not in (1, 3, 4):
        raise DataError(f"'{path}': PNG takes uint8 grey, RGB or RGBA, got {array.dtype} of shape {array.shape}.")
    write_file(path, encode_png(array))


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write uint8 RGB [H, W, 3] as PNG or, with a suffix of .jpg, as JPEG of quality 88.

    Raises:
        OutputError: another suffix, or the place cannot be written to.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".png":
        write_png(path, image)
    elif suffix in (".jpg", ".jpeg"):
        write_file(path, encode_jpeg(image, quality=88))
    else:
        raise OutputError(f"Images are written as .png or .jpg, not as '{path}'.")


def encode_jpeg(image: np.ndarray, quality: int, full_chroma: bool = False) -> bytes:
    """uint8 RGB [H, W, 3] -> JPEG of a quality from 1 to 100; `full_chroma` leaves its colours at full size."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if full_chroma:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)[1].tobytes()


def write_alpha(path: str | Path, alpha: np.ndarray) -> None:
    """Write float [H, W] in [0, 1] as 8-bit greyscale PNG, rounded to the nearest of 256 steps."""
    write_png(path, to_uint8(alpha))


def encode_alpha(stored: np.ndarray) -> bytes:
    """uint8 or uint16 [H, W] -> greyscale PNG that is decoded three to five times faster than OpenCV's own.

    Mattes are mostly flat, so that rows need no filter (W3C PNG, 9.2) and little compression to become small; both
    are what decoding spends its time on.
    """
    height, width = stored.shape
    pixels = np.ascontiguousarray(stored, stored.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    rows = np.zeros((height, 1 + pixels.shape[1]), np.uint8)  # the first byte of a row is its filter: 0, none
    rows[:, 1:] = pixels
    size = struct.pack(">IIBBBBB", width, height, 8 * stored.itemsize, 0, 0, 0, 0)
    parts = (b"IHDR", size), (b"IDAT", zlib.compress(rows.tobytes(), 1)), (b"IEND", b"")
    return PNG_SIGNATURE + b"".join(chunk(kind, content) for kind, content in parts)


def to_uint8(values: np.ndarray) -> np.ndarray:
    """Float of any shape in [0, 1] (clipped to it) -> uint8 in [0, 255], rounded to nearest."""
    if values.size and values.min() < 0:
        values = np.maximum(values, 0)
    return cv2.convertScaleAbs(values, alpha=255)  # what is above 255 becomes 255


def write_file(path: str | Path, data: bytes) -> None:
    """Write bytes whole or not at all (see `whole_file`); missing parent folders are made."""
    parent = Path(path).parent
    if not parent.exists():
        make_folder(parent)
    with whole_file(path) as temporary:
        temporary.write_bytes(data)
