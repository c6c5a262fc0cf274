"""Pixels in and out: any image file, any video, resizing, trimaps, compositing, sheets to look at.

Start with `read.py` and `geometry.py`, the one pre- and post-processing of the project. Images are uint8 RGB [H, W, 3]
and alphas float32 [H, W] in [0, 1] everywhere. Imports numpy and OpenCV, of ours `common` and `spec` alone.
"""

from ..spec.alpha import AlphaChannels
from .background import blur_background, cover
from .bilinear import resize_align_corners, resize_legacy
from .composite import composite
from .foreground import estimate_foreground
from .formats import IMAGE_SUFFIXES, MAX_PIXELS, image_format
from .geometry import (
    crop_reflect,
    fit,
    long_side_size,
    nearest_multiple,
    network_size,
    normalize,
    resize,
    short_side_size,
    size_of,
    to_channels_first,
    to_input,
    to_matte,
)
from .header import Header
from .photo import Photo, read_photo
from .read import (
    check_same_size,
    decode_alpha,
    decode_image,
    format_of,
    image_size,
    read_alpha,
    read_file,
    read_header,
    read_image,
    read_image_for,
    read_pair,
    read_rgba,
    read_unknown,
    unit_alpha,
)
from .sheets import error_sheet, matte_sheet, sheet
from .trimap import make_trimap
from .write import encode_alpha, encode_jpeg, to_uint8, write_alpha, write_file, write_image, write_png

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_PIXELS",
    "AlphaChannels",
    "Header",
    "Photo",
    "blur_background",
    "check_same_size",
    "composite",
    "cover",
    "crop_reflect",
    "decode_alpha",
    "decode_image",
    "encode_alpha",
    "encode_jpeg",
    "error_sheet",
    "estimate_foreground",
    "fit",
    "format_of",
    "image_format",
    "image_size",
    "long_side_size",
    "make_trimap",
    "matte_sheet",
    "nearest_multiple",
    "network_size",
    "normalize",
    "read_alpha",
    "read_file",
    "read_header",
    "read_image",
    "read_image_for",
    "read_pair",
    "read_photo",
    "read_rgba",
    "read_unknown",
    "resize",
    "resize_align_corners",
    "resize_legacy",
    "sheet",
    "short_side_size",
    "size_of",
    "to_channels_first",
    "to_input",
    "to_matte",
    "to_uint8",
    "unit_alpha",
    "write_alpha",
    "write_file",
    "write_image",
    "write_png",
]
