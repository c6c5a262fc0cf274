"""Colours of the person alone, for compositing on another background without a fringe of the old one."""

import cv2
import numpy as np

from .geometry import resize
from .tiles import Window, grown, present, soft_tiles, solid

_EPS = 1e-5
_WIDE, _NARROW = 90, 6
_COARSE = 4
# Mattes are enlarged from some 500 pixels; what is smoother than they are is computed on sides of about this length.
_SIDE = 960


def estimate_foreground(image: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the foreground of image = alpha * F + (1 - alpha) * B at every pixel.

    Soft pixels (hair, veils, motion) hold old background; composed as they are they carry it along as a fringe.
    Method: blur fusion, two passes (Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021): F and B
    are alpha-weighted local means (window 90, then 6), then F is corrected by alpha times what the means fail to
    explain: F + alpha (image - B - alpha (F - B)) = alpha * image + rest. The rest is smooth, and taken at a whole
    fraction of the sides where they are long; the wide means at a quarter of that. All is done only in those tiles of
    the image that hold soft pixels. Where alpha is 1 the result is the image; where it is 0, to 8 bits, black.

    Args:
        image: uint8 [H, W, 3].
        alpha: float32 [H, W] in [0, 1].

    Returns:
        uint8 [H, W, 3].
    """
    result = cv2.copyTo(image, solid(alpha), np.zeros_like(image))
    tiles = [grown(tile, 0, alpha.shape)[0] for tile in soft_tiles(alpha)]
    if not tiles:
        return result
    rest = _rest(image, alpha, max(1, max(alpha.shape) // _SIDE))
    for tile in tiles:
        person = cv2.multiply(image[tile], cv2.merge([alpha[tile]] * 3), dtype=cv2.CV_32F)
        colors = cv2.add(person, _enlarged(rest, tile, alpha.shape))
        result[tile] = cv2.copyTo(cv2.convertScaleAbs(np.maximum(colors, 0)), present(alpha[tile]))
    return result


def _rest(image: np.ndarray, alpha: np.ndarray, scale: int) -> np.ndarray:
    """(1 - alpha^2) F - alpha (1 - alpha) B where alpha is soft: float32 [H / scale, W / scale, 3]."""
    height, width = (max(1, side // scale) for side in alpha.shape)
    image, alpha = resize(image, height, width), resize(alpha, height, width)
    foreground, background = _wide_means(image, alpha, _WIDE // scale)
    narrow = max(1, round(_NARROW / scale))
    rest = np.zeros((height, width, 3), np.float32)
    # One pixel wider where it will be enlarged.
    for tile in soft_tiles(alpha if scale == 1 else cv2.blur(alpha, (3, 3))):
        outer, within = grown(tile, narrow, alpha.shape)
        means = [_enlarged(mean, outer, alpha.shape) for mean in (foreground, background)]
        rest[tile] = _rest_of(image[outer], alpha[outer], means, narrow)[within]
    return rest


def _wide_means(image: np.ndarray, alpha: np.ndarray, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Means of the foreground and of the background round each pixel, on a quarter of the sides: float32 [h, w, 3]."""
    height, width = alpha.shape
    small = max(1, height // _COARSE), max(1, width // _COARSE)
    pixels, weight = resize(image, *small).astype(np.float32), cv2.merge([resize(alpha, *small)] * 3)
    return _local_means(pixels, pixels, weight, max(1, window // _COARSE))


def _enlarged(mean: np.ndarray, window: Window, shape: tuple[int, ...]) -> np.ndarray:
    """The window's part of a mean [h, w, 3] that is enlarged bilinearly to `shape` [H, W]: float32."""
    if mean.shape[:2] == shape:
        return mean[window]
    (down, top), (across, left) = (
        (small / full, (side.start + 0.5) * small / full - 0.5)
        for small, full, side in zip(mean.shape[:2], shape, window, strict=True)
    )
    places = np.array([[across, 0, left], [0, down, top]])
    rows, columns = (side.stop - side.start for side in window)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(mean, places, (columns, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def _rest_of(image: np.ndarray, alpha: np.ndarray, means: list[np.ndarray], window: int) -> np.ndarray:
    """`_rest` of one window, from its wide means of foreground and background."""
    foreground, background = means
    pixels, weight = image.astype(np.float32), cv2.merge([alpha] * 3)
    unexplained = pixels - background - weight * (foreground - background)
    foreground = np.clip(foreground + weight * unexplained, 0, 255)
    foreground, background = _local_means(foreground, background, weight, window)
    return (1 - weight) * ((1 + weight) * foreground - weight * background)


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
