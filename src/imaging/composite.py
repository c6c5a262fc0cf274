"""Compositing."""

import cv2
import numpy as np

from ..common.errors import DataError
from .tiles import soft_tiles, solid


def composite(
    foreground: np.ndarray, alpha: np.ndarray, background: np.ndarray | tuple[float, float, float]
) -> np.ndarray:
    """Compose [H, W, 3]: alpha * foreground + (1 - alpha) * background.

    Args:
        foreground: uint8 [0, 255] or float32, [H, W, 3]; decides the type of the result (uint8 is rounded to
            nearest, float32 is left as it comes).
        alpha: float32 [H, W] in [0, 1].
        background: of the foreground's type and size, or one colour in the foreground's value range.
    """
    if not isinstance(background, np.ndarray):
        background = np.full_like(foreground, background)
    if foreground.shape != background.shape or foreground.dtype != background.dtype:
        raise DataError(
            f"Foreground {foreground.dtype} {foreground.shape} and background {background.dtype} {background.shape} "
            "must be alike to be composed; resize and convert the background first."
        )
    if foreground.dtype != np.uint8:
        return background + alpha[..., None] * (foreground - background)
    result = cv2.copyTo(foreground, solid(alpha), background.copy())
    for tile in soft_tiles(alpha):
        under = background[tile].astype(np.float32)
        result[tile] = cv2.convertScaleAbs(under + alpha[tile][..., None] * (foreground[tile] - under))
    return result
