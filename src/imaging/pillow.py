"""Images by Pillow: the formats that OpenCV reads wrongly or not at all, and what files say beside their pixels."""

import io
import struct
import warnings
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ..common.errors import DataError
from .formats import HEAD_BYTES, check_pixels, image_format

if TYPE_CHECKING:
    from PIL.Image import Image

HEIF_COMMAND = "pip install pillow-heif==1.8.1"

# What Pillow and its codecs raise over damaged content.
DAMAGE = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, struct.error,
          RuntimeError, ZeroDivisionError)  # fmt: skip
_opening = Lock()
# Its remarks on damaged metadata are no one's to act on; damaged pixels are errors.
warnings.filterwarnings("ignore", module=r"PIL\.")


def open_pillow(data: bytes, path: str | Path, max_pixels: int) -> "Image":
    """An image whose header is read and whose pixels are not.

    Raises:
        DataError: it is none, it needs pillow-heif, or it has more than `max_pixels` pixels.
    """
    from PIL import Image

    _check_codec(data, path)
    with _opening:  # the limit of pixels is ours, which can be lifted
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            image = Image.open(io.BytesIO(data))
        except DAMAGE as error:
            raise unreadable(data, path) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    check_pixels((image.height, image.width), path, max_pixels)
    return image


def pixels_of(image: "Image", path: str | Path) -> tuple[np.ndarray, np.ndarray | None]:
    """Pixels of an open image's first frame, upright: uint8 RGB [H, W, 3], and its transparency, uint8 [H, W] or None.

    CMYK is taken through its profile where it has one. 16-bit values are scaled to 8 bits.

    Raises:
        DataError: the content is damaged, or of a kind that is no photograph's.
    """
    from PIL import ImageOps

    try:
        image = _eight_bits(ImageOps.exif_transpose(image), path)
        if image.has_transparency_data:
            pixels = np.asarray(image.convert("RGBA"))
            return cv2.cvtColor(pixels, cv2.COLOR_RGBA2RGB), cv2.extractChannel(pixels, 3)
        return np.array(image if image.mode == "RGB" else image.convert("RGB")), None
    except DAMAGE as error:
        raise DataError(
            f"'{path}' is damaged or truncated: its pixels cannot be decoded ({error}). Copy or download it again, "
            "or remove it."
        ) from error


def unreadable(data: bytes, path: str | Path) -> DataError:
    """The error of content that no decoder takes."""
    kind = image_format(data[:HEAD_BYTES])
    if kind is not None:
        return DataError(
            f"'{path}' is a damaged {kind.upper()} file: its pixels cannot be decoded. Copy or download it again, or "
            "remove it."
        )
    return DataError(
        f"'{path}' is not an image that can be decoded. Convert it to JPEG or PNG, or remove it; read are JPEG, PNG, "
        "WebP, TIFF, BMP, GIF, HEIC and AVIF."
    )


def _eight_bits(image: "Image", path: str | Path) -> "Image":
    """The same image in a mode that Pillow turns into RGB faithfully."""
    from PIL import Image

    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise DataError(f"'{path}' holds 32-bit values. Save it with 8 or 16 bits a channel.")
    return _from_cmyk(image) if image.mode == "CMYK" else image


def _from_cmyk(image: "Image") -> "Image":
    """CMYK as sRGB: through the image's own profile, else by Pillow's plain rule."""
    from PIL import ImageCms

    if profile := image.info.get("icc_profile"):
        try:
            converted = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            return image.convert("RGB") if converted is None else converted
        except (ImageCms.PyCMSError, OSError):  # a damaged profile, or one of another colour space
            pass
    return image.convert("RGB")


def _check_codec(data: bytes, path: str | Path) -> None:
    if image_format(data[:HEAD_BYTES]) == "heic" and not _heif_is_here():
        raise DataError(f"'{path}' is a HEIC image, which needs the package pillow-heif. Run: {HEIF_COMMAND}")


@cache
def _heif_is_here() -> bool:
    """Whether pillow-heif is installed; Pillow knows its formats from then on."""
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        return False
    register_heif_opener()
    return True
