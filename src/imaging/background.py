"""What stands behind the person: an image made to fit, or the scene itself out of focus."""

import cv2
import numpy as np

from .geometry import resize

# Standard deviation of the blur, and the shorter side at which it is taken, so that its cost does not grow with the
# image: 2.5 % of the side.
_BLUR_SHARE, _BLUR_SIDE = 0.025, 180
_EPS = 1e-3


def cover(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An image [h, w, 3] scaled with its aspect kept until it fills [height, width, 3], the rest cut evenly."""
    scale = max(height / image.shape[0], width / image.shape[1])
    rows, columns = (max(n, round(side * scale)) for n, side in zip((height, width), image.shape, strict=False))
    image = resize(image, rows, columns)
    top, left = (rows - height) // 2, (columns - width) // 2
    return np.ascontiguousarray(image[top : top + height, left : left + width])


def blur_background(image: np.ndarray, alpha: np.ndarray, foreground: np.ndarray) -> np.ndarray:
    """The image's background out of focus, uint8 [H, W, 3].

    The person's part of every pixel, alpha * foreground, is taken out, and what is left weighted with 1 - alpha
    (normalised convolution, Knutsson and Westin, CVPR 1993): the person's colours do not bleed into the blur as a glow.
    Inside the person it runs out to the background's mean colour.

    Args:
        image: uint8 [H, W, 3].
        alpha: float32 [H, W] in [0, 1].
        foreground: colours of the person as `estimate_foreground` gives them, uint8 [H, W, 3].
    """
    height, width = alpha.shape
    scale = min(1, _BLUR_SIDE / min(height, width))
    small = max(1, round(height * scale)), max(1, round(width * scale))
    sigma = _BLUR_SHARE * min(small)
    share = cv2.merge([resize(1 - alpha, *small)] * 3)
    scene, person = (resize(array, *small).astype(np.float32) for array in (image, foreground))
    weighted = np.maximum(scene - (1 - share) * person, 0)
    mean = weighted.mean(axis=(0, 1)) / (share.mean() + _EPS)
    blurred, weight = (cv2.GaussianBlur(array, (0, 0), sigma) for array in (weighted, share))
    return resize(cv2.convertScaleAbs((blurred + _EPS * mean) / (weight + _EPS)), height, width)
