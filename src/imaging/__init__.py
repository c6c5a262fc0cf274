"""Reading, writing, geometry, trimaps and compositing: numpy and OpenCV only."""

from src.imaging.background import blur_background, cover
from src.imaging.bilinear import resize_align_corners, resize_legacy
from src.imaging.composite import composite
from src.imaging.foreground import estimate_foreground
from src.imaging.geometry import (
    crop_reflect,
    fit,
    nearest_multiple,
    network_size,
    normalize,
    resize,
    short_side_size,
    to_channels_first,
    to_input,
    to_matte,
)
from src.imaging.header import Header
from src.imaging.read import (
    IMAGE_SUFFIXES,
    decode_alpha,
    decode_image,
    image_size,
    read_alpha,
    read_file,
    read_header,
    read_image,
    read_image_for,
    unit_alpha,
)
from src.imaging.sheets import error_sheet, matte_sheet, sheet
from src.imaging.trimap import make_trimap
from src.imaging.write import encode_alpha, to_uint8, write_alpha, write_file, write_picture, write_png

__all__ = [
    "IMAGE_SUFFIXES",
    "Header",
    "blur_background",
    "composite",
    "cover",
    "crop_reflect",
    "decode_alpha",
    "decode_image",
    "encode_alpha",
    "error_sheet",
    "estimate_foreground",
    "fit",
    "image_size",
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
    "resize",
    "resize_align_corners",
    "resize_legacy",
    "sheet",
    "short_side_size",
    "to_channels_first",
    "to_input",
    "to_matte",
    "to_uint8",
    "unit_alpha",
    "write_alpha",
    "write_file",
    "write_picture",
    "write_png",
]
