"""Images as the content of a PNG, WebP or JPEG file, with what their photograph's file said beside its pixels."""

import io

import cv2
import numpy as np

from ..common.errors import ConfigError, DataError
from .metadata import EXIF_MARK, Metadata, png_chunks
from .png import encode_png

ENCODINGS = ("png", "webp", "jpg")
"""What images are written as."""

SUFFIXES = {".png": "png", ".webp": "webp", ".jpg": "jpg", ".jpeg": "jpg"}
"""The encoding of a file by its suffix."""

_WEBP = {"quality": 90, "method": 2}
_JPEG = {"quality": 92, "subsampling": 0}


def encode_image(array: np.ndarray, encoding: str, metadata: Metadata | None = None) -> bytes:
    """An image as a file's content.

    Args:
        array: uint8 grey [H, W], RGB [H, W, 3] or RGBA [H, W, 4].
        encoding: one of `ENCODINGS`. PNG keeps every value; WebP keeps grey and transparency, its colours have quality
            90; JPEG has quality 92.
        metadata: written beside the pixels.

    Raises:
        ConfigError: JPEG is asked for what is transparent.
        DataError: WebP takes no sides of that length.
    """
    metadata = metadata or Metadata()
    grey = array.ndim == 2
    if encoding == "png":
        return encode_png(array, png_chunks(metadata, grey))
    if encoding == "jpg" and not grey and array.shape[2] == 4:
        raise ConfigError("JPEG holds no transparency. Write png or webp, or give --background for a composite.")
    from PIL import Image

    options: dict = {"icc_profile": None if grey else metadata.icc}
    if metadata.exif:
        options["exif"] = EXIF_MARK + metadata.exif
    if encoding == "webp":
        kind, options = "WEBP", options | _WEBP | {"lossless": grey}
        array = cv2.merge([array] * 3) if grey else array
    else:
        kind, options = "JPEG", options | _JPEG
        if metadata.dpi:
            options["dpi"] = tuple(round(dpi) for dpi in metadata.dpi)
    file = io.BytesIO()
    try:
        Image.fromarray(array).save(file, kind, **options)
    except (OSError, ValueError) as error:
        height, width = array.shape[:2]
        raise DataError(f"{width}x{height} pixels cannot be written as {kind} ({error}). Write png.") from error
    return file.getvalue()
