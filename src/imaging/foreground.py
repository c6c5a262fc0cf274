"""Colours of the person alone, for compositing on another background without a fringe of the old one."""

import cv2
import numpy as np

from .geometry import resize
from .tiles import grown, soft_tiles, solid

_EPS = 1e-5
_WIDE, _NARROW = 90, 6
_COARSE = 4


def estimate_foreground(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the foreground of image = alpha * F + (1 - alpha) * B at every pixel.

    Soft pixels (hair, veils, motion) hold old background; composed as they are they carry it along as a fringe.
    Method: blur fusion, two passes (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021): F and B
    are alpha-weighted local means (window 90, then 6), then F is corrected by alpha times what the means fail to
    explain. The wide means are smooth, so they are taken on a quarter of the sides; what follows is done only in
    those tiles of the image that hold soft pixels. Where alpha is 1 the result is the image; where it is 0, and no
    soft pixel near, it is the wide mean (black far from the person).

    Args:
        image: uint8 [H, W, 3].
        alpha: float32 [H, W] in [0, 1].

    Returns:
        uint8 [H, W, 3].
    """
    foreground, background = _wide_means(image, alpha)
    result = cv2.copyTo(image, solid(alpha), foreground.copy())
    for tile in soft_tiles(alpha):
        outer, within = grown(tile, _NARROW, alpha.shape)
        estimate = _refined(image[outer], foreground[outer], background[outer], alpha[outer])
        result[tile] = estimate[within]
    return result


def _wide_means(image: np.ndarray, alpha: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint8 [H, W, 3] means of the foreground and of the background round each pixel."""
    height, width = alpha.shape
    small = max(1, height // _COARSE), max(1, width // _COARSE)
    pixels, weight = resize(image, *small).astype(np.float32), cv2.merge([resize(alpha, *small)] * 3)
    foreground, background = _local_means(pixels, pixels, weight, _WIDE // _COARSE)
    return (
        resize(cv2.convertScaleAbs(foreground), height, width),
        resize(cv2.convertScaleAbs(background), height, width),
    )


def _refined(image: np.ndarray, foreground: np.ndarray, background: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    pixels, weight = image.astype(np.float32), cv2.merge([alpha] * 3)
    background = background.astype(np.float32)
    foreground = _corrected(pixels, foreground.astype(np.float32), background, weight)
    foreground, background = _local_means(foreground, background, weight, _NARROW)
    return cv2.convertScaleAbs(_corrected(pixels, foreground, background, weight))


def _local_means(
    foreground: np.ndarray, background: np.ndarray, alpha: np.ndarray, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Means over a square window, the foreground's weighted by alpha and the background's by its complement."""
    box, rest = (window, window), 1 - alpha
    share = cv2.blur(alpha, box)
    return (
        cv2.blur(foreground * alpha, box) / (share + _EPS),
        cv2.blur(background * rest, box) / (1 - share + _EPS),
    )


def _corrected(image: np.ndarray, foreground: np.ndarray, background: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    unexplained = image - background - alpha * (foreground - background)
    return np.clip(foreground + alpha * unexplained, 0, 255)
