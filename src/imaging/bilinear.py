"""TensorFlow 1's two bilinear rules, which MMNet's data and measures are defined by. Neither smooths when shrinking.

OpenCV has neither of them: its pixel centres are at half positions, and its warps round positions to 1/32 pixel.
"""

import numpy as np


def resize_align_corners(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize [H, W] or [H, W, C] (uint8 or float32) so that the four corner pixels stay in the corners."""
    return _resize(array, height, width, [(old - 1) / max(new - 1, 1) for old, new in _sides(array, height, width)])


def resize_legacy(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize as above, but output i lies at i * old / new; beyond the last pixel, that one is repeated."""
    return _resize(array, height, width, [old / new for old, new in _sides(array, height, width)])


def _sides(array: np.ndarray, height: int, width: int) -> list[tuple[int, int]]:
    return list(zip(array.shape[:2], (height, width), strict=True))


def _resize(array: np.ndarray, height: int, width: int, steps: list[float]) -> np.ndarray:
    if array.shape[:2] == (height, width):
        return array
    resized = _along(array, 0, height, steps[0])
    resized = _along(resized, 1, width, steps[1])
    return np.rint(resized).astype(np.uint8) if array.dtype == np.uint8 else resized


def _along(array: np.ndarray, axis: int, size: int, step: float) -> np.ndarray:
    """Linear interpolation at 0, step, 2 step, ... along an axis; float32."""
    position = np.arange(size) * step
    low = np.minimum(position.astype(np.intp), array.shape[axis] - 1)
    high = np.minimum(low + 1, array.shape[axis] - 1)
    share = (position - low).astype(np.float32).reshape([-1 if i == axis else 1 for i in range(array.ndim)])
    below, above = (array.take(index, axis).astype(np.float32) for index in (low, high))
    return below + share * (above - below)
