"""From a file's content to pixels, by the decoder that reads its format rightly and soonest.

JPEG: libjpeg-turbo by simplejpeg, which tells damage that OpenCV fills with grey. PNG and WebP: OpenCV. All others,
CMYK and animations: Pillow.
"""

import re
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from ..common.errors import DataError
from .formats import HEAD_BYTES, MAX_PIXELS, check_pixels, image_format
from .geometry import size_of
from .header import Header, parse_header
from .pillow import open_pillow, pixels_of, unreadable

_BY_PILLOW = frozenset(("tiff", "bmp", "gif", "heic", "avif"))
_COLOR = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION

_BY_COLORS = {"RGB": _COLOR, "BGR": cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION,
              "GRAY": cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION}  # fmt: skip
_STRAY_BYTES = 16

REDUCTIONS = (1, 2, 4, 8)
"""Parts of its sides at which a JPEG can be decoded."""


def checked_header(data: bytes, path: str | Path, max_pixels: int = MAX_PIXELS) -> Header | None:
    """Header of a JPEG, PNG or WebP, None for other formats.

    Raises:
        DataError: the content is empty, its end is missing, or it has more than `max_pixels` pixels.
    """
    if not data:
        raise DataError(f"'{path}' is empty (0 bytes). Copy the file again, or remove it.")
    header = parse_header(data)
    if header is not None and not header.complete:
        raise DataError(
            f"'{path}' is truncated: its end is missing ({len(data)} bytes are there). Copy or download it again, "
            "or remove it together with its partner; `python data/check_dataset.py CONFIG` lists all such files."
        )
    if header is not None:
        check_pixels((header.height, header.width), path, max_pixels)
    return header


def decode_color(
    data: bytes, path: str | Path, header: Header | None, reduce: int = 1, max_pixels: int = MAX_PIXELS
) -> np.ndarray:
    """Pixels without their transparency: uint8 RGB [H, W, 3], upright.

    Args:
        data: the file's content.
        path: where it is from; for error messages.
        header: as `checked_header` gives it.
        reduce: one of `REDUCTIONS`: the sides are divided by it and rounded up.
        max_pixels: an image with more is refused.
    """
    if header is None or not _is_plain(header):
        return _shrunk(_by_pillow(data, path, max_pixels)[0], reduce)
    if header.reducible:
        return upright(_decode_jpeg(data, path, header, "RGB", reduce), header.orientation)
    return _shrunk(upright(_by_opencv(data, path, _COLOR), header.orientation), reduce)


def decode_with_transparency(
    data: bytes, path: str | Path, header: Header | None, max_pixels: int = MAX_PIXELS
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels and their transparency, uint8 RGB [H, W, 3] and uint8 [H, W]; None where all are opaque by format."""
    if header is None or not _is_plain(header) or (header.transparent and header.indexed):
        return _by_pillow(data, path, max_pixels)
    if not header.transparent:
        return decode_color(data, path, header), None
    stored = _by_opencv(data, path, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    if stored.ndim != 3 or stored.shape[2] != 4:  # one colour of a PNG is transparent, which OpenCV does not know
        return _by_pillow(data, path, max_pixels)
    if stored.dtype == np.uint16:
        stored = (stored >> 8).astype(np.uint8)
    stored = upright(stored, header.orientation)
    return cv2.cvtColor(stored, cv2.COLOR_BGRA2RGB), cv2.extractChannel(stored, 3)


def decode_stored(data: bytes, path: str | Path, header: Header | None) -> np.ndarray:
    """Pixels as they are stored, upright: [H, W], or [H, W, 3 or 4] in the order BGR(A); uint8, uint16 or float32."""
    if header is not None and header.reducible:
        stored = _decode_jpeg(data, path, header, "GRAY" if header.channels == 1 else "BGR", 1)
        return upright(stored[..., 0] if header.channels == 1 else stored, header.orientation)
    kind = image_format(data[:HEAD_BYTES])
    if header is None and kind in _BY_PILLOW and kind != "tiff":
        image, alpha = _by_pillow(data, path, MAX_PIXELS)
        grey = alpha is None and bool((image == image[..., :1]).all())
        return np.ascontiguousarray(image[..., 0]) if grey else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    if kind == "tiff":
        open_pillow(data, path, MAX_PIXELS)
    stored = _by_opencv(data, path, cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION)
    return stored if header is None else upright(stored, header.orientation)


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Apply an EXIF orientation (1 to 8) to [H, W] or [H, W, C]; source: EXIF 2.32, tag 0x0112."""
    if orientation in (5, 6, 7, 8):
        array = cv2.transpose(array)
    # What remains after the transposition: the row order, the column order, or both reversed.
    rows, columns = orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7)
    if not (rows or columns):
        return array
    return cv2.flip(array, -1 if rows and columns else int(columns))


def _is_plain(header: Header) -> bool:
    """Whether the fast decoders read it rightly: no CMYK, one frame."""
    return header.channels in (0, 1, 3) and not header.animated


def _decode_jpeg(data: bytes, path: str | Path, header: Header, colors: str, reduce: int) -> np.ndarray:
    """A JPEG as it is stored: uint8 [h, w, 3], or [h, w, 1] of 'GRAY'."""
    height, width = -(-header.height // reduce), -(-header.width // reduce)
    try:
        return simplejpeg.decode_jpeg(data, colors, min_height=height, min_width=width, min_factor=reduce)
    except ValueError as error:
        if _harmless(str(error)):
            return _shrunk(_by_opencv(data, path, _BY_COLORS[colors]), reduce).reshape(height, width, -1)
        raise DataError(
            f"'{path}' is damaged: {str(error).rstrip('.')}. Copy or download it again, or remove it together with "
            "its partner."
        ) from error


def _harmless(remark: str) -> bool:
    """Whether libjpeg only found a few bytes between the whole image and its end, as some cameras leave them there."""
    found = re.search(r"(\d+) extraneous bytes before marker 0xd9", remark)
    return found is not None and int(found[1]) <= _STRAY_BYTES


def _by_opencv(data: bytes, path: str | Path, flags: int) -> np.ndarray:
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise unreadable(data, path) from error
    if image is None:
        raise unreadable(data, path)
    return image


def _by_pillow(data: bytes, path: str | Path, max_pixels: int) -> tuple[np.ndarray, np.ndarray | None]:
    if image_format(data[:HEAD_BYTES]) is None:  # formats of few: what OpenCV makes of them
        image = _by_opencv(data, path, _COLOR)
        check_pixels(size_of(image), path, max_pixels)
        return image, None
    return pixels_of(open_pillow(data, path, max_pixels), path)


def _shrunk(image: np.ndarray, reduce: int) -> np.ndarray:
    if reduce == 1:
        return image
    height, width = (-(-side // reduce) for side in size_of(image))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
