"""The one pre- and post-processing of the project: image -> network input, network output -> matte."""

from functools import lru_cache

import cv2
import numpy as np

from ..common.errors import DataError
from ..spec.preprocess import Preprocess
from .bilinear import resize_align_corners

MOST_SHORT_SIDES = 16  # in a longer side; panoramas have up to 10, a row of pixels would make an input of gigabytes


def size_of(array: np.ndarray) -> tuple[int, int]:
    """(height, width) of an image [H, W, C] or an alpha [H, W]."""
    height, width = array.shape[:2]
    return height, width


def short_side_size(height: int, width: int, ref_size: int, multiple: int = 32) -> tuple[int, int]:
    """(height, width) with the shorter side `ref_size` and the aspect kept, both to the nearest multiple."""
    short = min(height, width)
    return nearest_multiple(height * ref_size / short, multiple), nearest_multiple(width * ref_size / short, multiple)


def nearest_multiple(value: float, multiple: int) -> int:
    """The multiple nearest to `value` (halves go up), at least one."""
    return max(1, int(value / multiple + 0.5)) * multiple


def long_side_size(height: int, width: int, ref_size: int, multiple: int = 32) -> tuple[int, int]:
    """(height, width) with the longer side `ref_size` and the aspect kept, both to the nearest multiple."""
    long = max(height, width)
    return nearest_multiple(height * ref_size / long, multiple), nearest_multiple(width * ref_size / long, multiple)


def network_size(height: int, width: int, pre: Preprocess) -> tuple[int, int]:
    """(height, width) of the network's input for an image.

    `ref_size` for the longer side: every image is scaled so that its longer side is `ref_size`. For the shorter side
    the rule of MODNet's inference code holds: an image with both sides below or both sides above `ref_size` is scaled
    so that its shorter side is `ref_size`; one whose sides lie around it is kept. Then both sides go to the nearest
    multiple (the original cuts down to the next lower one, which distorts the aspect more). A `ref_size` of
    (height, width) is the size for every image.

    Raises:
        DataError: the input's longer side would be more than `MOST_SHORT_SIDES` times `ref_size`.
    """
    ref_size, multiple = pre.ref_size, pre.multiple
    if isinstance(ref_size, tuple):
        return ref_size
    if pre.ref_side == "longer":
        return long_side_size(height, width, ref_size, multiple)
    if max(height, width) < ref_size or min(height, width) > ref_size:
        size = short_side_size(height, width, ref_size, multiple)
    else:
        size = nearest_multiple(height, multiple), nearest_multiple(width, multiple)
    if max(size) > max(MOST_SHORT_SIDES * ref_size, multiple):
        raise DataError(
            f"An image of {width}x{height} pixels is too narrow: the network's input would be {size[1]}x{size[0]} "
            f"(width x height), its longer side may be {MOST_SHORT_SIDES} times {ref_size}. Crop the image."
        )
    return size


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [H, W] or [H, W, C] (uint8 or float32): pixel area when shrinking, bilinear when enlarging.

    With one side growing and the other shrinking, the shrinking side goes first.
    """
    old_height, old_width = array.shape[:2]
    if (old_height, old_width) == (height, width):
        return array
    small = min(old_height, height), min(old_width, width)
    if small != (old_height, old_width):
        array = cv2.resize(array, small[::-1], interpolation=cv2.INTER_AREA)
    if small != (height, width):
        array = cv2.resize(array, (width, height), interpolation=cv2.INTER_LINEAR)
    return array


def crop_reflect(array: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Window of [H, W] or [H, W, C]; what lies beyond the border is the image mirrored (edge pixel not repeated)."""
    bottom, right = top + height, left + width
    outside = (max(0, -top), max(0, bottom - array.shape[0]), max(0, -left), max(0, right - array.shape[1]))
    if not any(outside):
        return array[top:bottom, left:right]
    inside = array[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    return cv2.copyMakeBorder(np.ascontiguousarray(inside), *outside, cv2.BORDER_REFLECT_101)


def normalize(image: np.ndarray, mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """uint8 [H, W, 3] -> float32 [H, W, 3] = (value / 255 - mean) / std, by a table of the 256 values."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise DataError(f"A uint8 RGB image [H, W, 3] is expected, got {image.dtype} of shape {image.shape}.")
    return cv2.LUT(image, _table(tuple(mean), tuple(std)))


@lru_cache(maxsize=8)
def _table(mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    values = np.arange(256)[:, None] / 255
    return ((values - np.array(mean)) / np.array(std)).astype(np.float32)[None]


def to_channels_first(image: np.ndarray) -> np.ndarray:
    """[H, W, C] -> contiguous [C, H, W], of the same type and values."""
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def fit(image: np.ndarray, pre: Preprocess, size: tuple[int, int] | None = None) -> np.ndarray:
    """uint8 RGB [H, W, 3] at the size of the network's input; `size` as in `to_input`.

    A network whose `ref_size` is one size for all images gets them with corners aligned, without smoothing: so
    MMNet is trained and scored. All others get pixel areas.
    """
    height, width = size_of(image)
    size = size or network_size(height, width, pre)
    if pre.fixed_size:
        return resize_align_corners(image, *size)
    return resize(image, *size)


def to_input(image: np.ndarray, pre: Preprocess, size: tuple[int, int] | None = None) -> np.ndarray:
    """uint8 RGB [H, W, 3] -> network input, float32 [1, 3, h, w].

    Args:
        image: the image, upright.
        pre: mean, std, channel order and resize rule of the network.
        size: (h, w) instead of `network_size`, for networks with a fixed input.
    """
    values = normalize(fit(image, pre, size), pre.mean, pre.std)
    if pre.color != "RGB":
        values = values[..., ::-1]
    return to_channels_first(values)[None]


def to_matte(output: np.ndarray, height: int, width: int) -> np.ndarray:
    """Network output, float [1, 1, h, w] or [h, w] in [0, 1] -> matte, float32 [height, width] in [0, 1]."""
    output = np.ascontiguousarray(output, np.float32).reshape(output.shape[-2:])
    matte = resize(output, height, width)
    return np.clip(matte, 0, 1, out=None if matte is output else matte)
