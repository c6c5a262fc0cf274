"""Trimaps by distance transform."""

import cv2
import numpy as np

FOREGROUND_ABOVE = 0.98
BACKGROUND_BELOW = 0.02
# By foreground minus background modulo 256: 0 is neither, 1 foreground, 255 background.
_VALUES = np.full(256, 0.5, np.float32)
_VALUES[1], _VALUES[255] = 1, 0


def make_trimap(
    alpha: np.ndarray,
    foreground_px: float,
    background_px: float,
    foreground_above: float = FOREGROUND_ABOVE,
    background_below: float = BACKGROUND_BELOW,
) -> np.ndarray:
    """Trimap float32 [H, W] of 0 (background), 0.5 (unknown) and 1 (foreground).

    Unknown is every pixel with background_below <= alpha <= foreground_above, each foreground pixel within
    `foreground_px` of one that is not foreground, and each background pixel within `background_px` of one that
    is not background (distance between pixel centres, so 1 is the direct neighbour and 0 adds none).
    The image's border counts as going on.

    Args:
        alpha: float32 [H, W] in [0, 1].
        foreground_px: width in pixels that foreground gives to the unknown.
        background_px: the same of background.
        foreground_above: alpha from which on a pixel may be foreground.
        background_below: alpha up to which a pixel may be background.
    """
    foreground = distance_inside(alpha > foreground_above) > foreground_px
    background = distance_inside(alpha < background_below) > background_px
    return cv2.LUT(foreground.view(np.uint8) - background.view(np.uint8), _VALUES)


def distance_inside(mask: np.ndarray) -> np.ndarray:
    """Float32 [H, W]: distance in pixels of each True pixel to the nearest False one, 0 outside, 3e38 if all True.

    Euclidean to within 2 % (5x5 chamfer, exact along rows and columns), at a quarter of the exact one's time.
    """
    return cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
