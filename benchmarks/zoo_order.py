"""The model zoo's MODNet training transforms: the same operations on the same sizes in the same order, for timing.

Decode at full size; resize to a shorter side of 512, both sides cut to multiples of 32; crop 512 x 512; trimap by
grey dilation and erosion with 30 x 30 kernels; flip; everything to float32 and normalised; channels first.
"""

import cv2
import numpy as np
from scipy.ndimage import grey_dilation, grey_erosion

SIDE = 512
_KERNEL = SIDE // 256 * 15
_HALF = np.full((1, 1, 3), 0.5)


def zoo_sample(image_path: str, alpha_path: str, interpolation: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Image [3, 512, 512], trimap and alpha [1, 512, 512], float32.

    Args:
        interpolation: the zoo's configuration says area, but its code hands the flag over in the place of another
            argument, so that what runs is bilinear.
    """
    image = cv2.cvtColor(cv2.imread(image_path), cv2.COLOR_BGR2RGB)
    alpha = cv2.imread(alpha_path, cv2.IMREAD_GRAYSCALE)
    size = _size(*image.shape[:2])
    image, alpha = (cv2.resize(array, size, interpolation=interpolation) for array in (image, alpha))
    top, left = (int(rng.integers(max(1, side - SIDE + 1))) for side in image.shape[:2])
    image, alpha = (array[top : top + SIDE, left : left + SIDE] for array in (image, alpha))
    trimap = _trimap(alpha)
    if rng.random() < 0.5:
        image, alpha = cv2.flip(image, 1), cv2.flip(alpha, 1)
    image = image.astype(np.float32) / 255.0
    image -= _HALF
    image /= _HALF
    alpha = alpha.astype(np.float32) / 255.0
    # What the loader makes of the views when it copies them into a batch.
    return [np.ascontiguousarray(array) for array in (image.transpose(2, 0, 1), trimap[None], alpha[None])]


def _size(height: int, width: int) -> tuple[int, int]:
    """(width, height) with the shorter side 512, cut to multiples of 32."""
    short = min(height, width)
    return tuple(int(side / short * SIDE) // 32 * 32 for side in (width, height))


def _trimap(alpha: np.ndarray) -> np.ndarray:
    sure, present = (alpha >= 0.9).astype(np.float32), (alpha > 0).astype(np.float32)
    window = (_KERNEL, _KERNEL)
    sure[grey_dilation(present, size=window) != grey_erosion(sure, size=window)] = 0.5
    return sure
