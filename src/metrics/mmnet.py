"""MMNet's own measures (Seo et al., arXiv 1904.03816, and its original evaluator): MAD and gradient error at the
network's size and at 800x600.

They are not the standard ones of `src.metrics.matte`: there every matte is scored at its image's size, and the gradient
error is the matting benchmark's sum of squared differences of magnitudes. Here it is the mean length of the
differences of gradients. Lower is better; papers print MAD in 1e-2 and the gradient error in 1e-3.
"""

import cv2
import numpy as np

from ..imaging.bilinear import resize_align_corners, resize_legacy

TARGET_SIZE = (800, 600)  # height, width
_SIGMA = 1.4
_HALF = 4  # int(3 sigma + 0.5)


def mmnet_scores(output: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """MAD and gradient error of one matte at two sizes.

    The original averages batches of five images, which is the mean of these over images.

    Args:
        output: what the network says, float [1, 1, h, w] or [h, w] in [0, 1].
        truth: true alpha, float [H, W] in [0, 1] at the image's size.

    Returns:
        `mad_network` and `gauss_grad_network` at [h, w], `mad_800_600` and `gauss_grad_800_600`.
    """
    output = np.ascontiguousarray(output, np.float32).reshape(output.shape[-2:])
    alpha = truth.astype(np.float32)
    pairs = {
        "network": (output, resize_align_corners(alpha, *output.shape)),
        "800_600": tuple(resize_legacy(one, *TARGET_SIZE) for one in (output, alpha)),
    }
    scores = {}
    for name, (matte, expected) in pairs.items():
        scores[f"mad_{name}"] = float(np.abs(matte - expected).mean(dtype=np.float64))
        scores[f"gauss_grad_{name}"] = gauss_gradient_error(matte, expected)
    return scores


def gauss_gradient_error(matte: np.ndarray, truth: np.ndarray) -> float:
    """Mean length of the difference of two maps' gradients.

    The gradients are responses to the 9x9 derivatives of a Gaussian (sigma 1.4, sum 1), where these lie within the
    map; being linear, they are taken of the maps' difference.

    Args:
        matte: [H, W] in [0, 1], at least 9x9.
        truth: True alpha, the same.
    """
    smooth, slope = derivative_kernels()
    difference = np.subtract(matte, truth, dtype=np.float32)
    across, down = (
        cv2.sepFilter2D(difference, cv2.CV_32F, *kernels)[_HALF:-_HALF, _HALF:-_HALF]
        for kernels in ((slope, smooth), (smooth, slope))
    )
    return float(np.hypot(across, down).mean(dtype=np.float64))


def derivative_kernels() -> tuple[np.ndarray, np.ndarray]:
    """Gaussian g of sum 1 and its derivative -x g / sigma^2, [9]; the 2-d kernels are their outer products."""
    x = np.arange(-_HALF, _HALF + 1, dtype=np.float64)
    smooth = np.exp(-(x**2) / (2 * _SIGMA**2))
    smooth /= smooth.sum()
    return smooth, -x * smooth / _SIGMA**2
