"""A photograph with all that its file holds: pixels, transparency, profile, resolution, EXIF."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .decode import checked_header, decode_with_transparency
from .formats import HEAD_BYTES, MAX_PIXELS, image_format
from .metadata import Metadata, metadata_of
from .pillow import DAMAGE, open_pillow
from .read import read_file

if TYPE_CHECKING:
    from PIL.Image import Image

_ONE_PHOTO = ("JPEG", "MPO")  # further images of these are previews and depth maps of the same photograph


@dataclass(frozen=True)
class Photo:
    """A photograph, upright.

    Attributes:
        image: uint8 RGB [H, W, 3].
        alpha: transparency of the file, uint8 [H, W] with 0 for transparent; None where it is opaque.
        metadata: what is carried over to what is written.
        frames: how many the file holds; the first is here.
    """

    image: np.ndarray
    alpha: np.ndarray | None
    metadata: Metadata
    frames: int


def read_photo(path: str | Path, *, max_pixels: int = MAX_PIXELS, keep_gps: bool = False) -> Photo:
    """`decode_photo` of a file."""
    return decode_photo(read_file(path), path, max_pixels=max_pixels, keep_gps=keep_gps)


def decode_photo(data: bytes, path: str | Path, *, max_pixels: int = MAX_PIXELS, keep_gps: bool = False) -> Photo:
    """A file's content, with the pixels that `decode_image` gives.

    Args:
        data: the file's content.
        path: where it is from; for error messages.
        max_pixels: an image with more is refused before it is decoded.
        keep_gps: whether EXIF keeps where the photograph was taken.

    Raises:
        DataError: the content is empty, damaged, not an image, or has too many pixels.
    """
    header = checked_header(data, path, max_pixels)
    metadata, frames = Metadata(), 1
    if image_format(data[:HEAD_BYTES]) is not None:
        opened = open_pillow(data, path, max_pixels)
        metadata, frames = metadata_of(opened, keep_gps), _frames_of(opened)
    image, alpha = decode_with_transparency(data, path, header, max_pixels)
    if alpha is not None and alpha.min() == 255:
        alpha = None
    return Photo(image, alpha, metadata, frames)


def _frames_of(image: "Image") -> int:
    if image.format in _ONE_PHOTO:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except DAMAGE:
        return 1
