"""Matting scores: MSE, MAD, SAD, gradient and connectivity error, mIoU and IoU.

Source of the gradient and connectivity errors: Rhemann et al., "A Perceptually Motivated Online Benchmark for
Image Matting", CVPR 2009. Their usual implementation sets what the paper leaves open (kernel cut-off, largest
component, 4-neighbours) and is followed here; alphas are taken as they are, not stretched to [0, 1] first.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

import cv2
import numpy as np

from ..common.errors import DataError

SOFT_RANGE = (0.02, 0.98)
BAND_SHARE = 0.02
_GRADIENT_SIGMA = 1.4
_KERNEL_CUTOFF = 0.01
_CONNECTIVITY_STEPS = 10
_CONNECTIVITY_THETA = 0.15
_UNIT = 1000.0


@dataclass(frozen=True)
class MatteScores:
    """Scores of a matte in a region (whole image or transition band).

    Attributes:
        mse: mean squared difference of alpha in [0, 1].
        mad: mean absolute difference.
        sad: sum of absolute differences / 1000.
        grad: sum of `gradient_error_map` / 1000.
        conn: sum of `connectivity_error_map` / 1000.
        miou: mean intersection over union of background and person, alphas cut at 0.5 (0.5 is person).
        iou: that of the person alone.

    All are NaN for a region without a pixel.
    """

    mse: float
    mad: float
    sad: float
    grad: float
    conn: float
    miou: float
    iou: float


def score(pred: np.ndarray, truth: np.ndarray, region: np.ndarray | None = None) -> MatteScores:
    """Compare a matte with the true alpha.

    Args:
        pred: matte [H, W] in [0, 1]; computed in float32.
        truth: true alpha, the same.
        region: bool [H, W]; only these pixels count (gradients and components still see the whole image).

    Raises:
        DataError: shapes differ, or a value is NaN or outside [0, 1].
    """
    return score_regions(pred, truth, [region])[0]


def score_regions(pred: np.ndarray, truth: np.ndarray, regions: Sequence[np.ndarray | None]) -> list[MatteScores]:
    """`score` for several regions at once; the costly error maps (gradient, connectivity) are made only once."""
    pred, truth = _checked(pred, "matte"), _checked(truth, "true alpha")
    shapes = [pred.shape, truth.shape, *(region.shape for region in regions if region is not None)]
    if len(set(shapes)) > 1:
        raise DataError(
            f"To be compared, matte, true alpha and regions must be of one size; got {shapes}. Resize the matte first."
        )
    gradient, connectivity = gradient_error_map(pred, truth), connectivity_error_map(pred, truth)
    return [_region_scores(pred, truth, gradient, connectivity, region) for region in regions]


def _region_scores(
    pred: np.ndarray, truth: np.ndarray, gradient: np.ndarray, connectivity: np.ndarray, region: np.ndarray | None
) -> MatteScores:
    """Scores of a region's pixels. OpenCV's norms of float32 add up in float64 and copy nothing."""
    mask = None if region is None else np.ascontiguousarray(region).view(np.uint8)
    pixels = truth.size if mask is None else cv2.countNonZero(mask)
    if not pixels:
        return MatteScores(*[math.nan] * len(fields(MatteScores)))
    absolute = cv2.norm(pred, truth, cv2.NORM_L1, mask)
    background, person = intersections_over_unions(pred, truth, mask)
    return MatteScores(
        mse=cv2.norm(pred, truth, cv2.NORM_L2SQR, mask) / pixels,
        mad=absolute / pixels,
        sad=absolute / _UNIT,
        grad=cv2.norm(gradient, cv2.NORM_L1, mask) / _UNIT,
        conn=cv2.norm(connectivity, cv2.NORM_L1, mask) / _UNIT,
        miou=(background + person) / 2,
        iou=person,
    )


def mean_scores(scores: Sequence[MatteScores]) -> MatteScores:
    """Mean of each score over images; images whose region was empty (NaN) do not count."""
    if not scores:
        raise DataError("There is no score to average: no image was evaluated.")
    table = np.array([astuple(s) for s in scores], np.float64)
    table = table[~np.isnan(table).any(axis=1)]
    return MatteScores(*(table.mean(axis=0).tolist() if len(table) else [math.nan] * table.shape[1]))


def transition_band(truth: np.ndarray) -> np.ndarray:
    """Bool [H, W]: where the person's outline, hair and veils are, and a margin round them.

    The band is the set of alpha > 0.02, dilated by a disc, minus the set of alpha > 0.98, eroded by it: all soft
    pixels and hard edges with a margin of radius 2 % of the image's shorter side (10 pixels at 512) on both
    sides. The margin scales with the image, so that scores of one image at two sizes agree.

    Args:
        truth: [H, W] in [0, 1].
    """
    radius = max(1, round(BAND_SHARE * min(truth.shape)))
    band = np.zeros(truth.shape, bool)
    # Nothing further than the radius from what is present is in the band, or decides what is.
    window = _surroundings(truth > SOFT_RANGE[0], radius)
    present, solid = truth[window] > SOFT_RANGE[0], truth[window] > SOFT_RANGE[1]
    band[window] = _within(present, radius) & _within(~solid, radius)
    return band


def _surroundings(mask: np.ndarray, margin: int) -> tuple[slice, slice]:
    """The box round a mask's True pixels and a margin of them, cut to the image."""
    return _span(mask.any(axis=1), margin), _span(mask.any(axis=0), margin)


def _span(present: np.ndarray, margin: int) -> slice:
    """From the first True of [N] to the last, with a margin; empty where none is."""
    where = np.flatnonzero(present)
    return slice(max(0, where[0] - margin), where[-1] + 1 + margin) if len(where) else slice(0, 0)


def _within(mask: np.ndarray, radius: int) -> np.ndarray:
    """Pixels at most `radius` away from a True one."""
    if not mask.any():
        return mask
    return cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE) <= radius


def gradient_error_map(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """(|grad pred| - |grad truth|)^2 at each pixel, float32 [H, W].

    The gradient is the response to first derivatives of a Gaussian with sigma 1.4, whose 2-d kernels have unit
    L2 norm and 9 x 9 taps (where the Gaussian falls below 0.01); the border is repeated.
    """
    return np.square(_gradient_magnitude(pred) - _gradient_magnitude(truth))


def _gradient_magnitude(alpha: np.ndarray) -> np.ndarray:
    smooth, slope = _gradient_kernels()
    across = cv2.sepFilter2D(alpha, cv2.CV_32F, slope, smooth, borderType=cv2.BORDER_REPLICATE)
    down = cv2.sepFilter2D(alpha, cv2.CV_32F, smooth, slope, borderType=cv2.BORDER_REPLICATE)
    return cv2.magnitude(across, down)


def _gradient_kernels() -> tuple[np.ndarray, np.ndarray]:
    """1-d Gaussian and its derivative, each of unit L2 norm: their outer product then has unit norm too."""
    sigma = _GRADIENT_SIGMA
    half = math.ceil(sigma * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * sigma * _KERNEL_CUTOFF)))
    x = np.arange(-half, half + 1, dtype=np.float64)
    smooth = np.exp(-(x**2) / (2 * sigma**2))
    slope = x * smooth
    return smooth / np.linalg.norm(smooth), slope / np.linalg.norm(slope)


def connectivity_error_map(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """|phi(pred) - phi(truth)| at each pixel, float32 [H, W].

    Omega(t) is the largest 4-connected part of the pixels where both alphas are at least t. A pixel's level l is
    the last t of 0, 0.1, ... 1 before the first at which it is outside of Omega (1 if it never is). For an alpha
    a, phi = 1 - d where d = a - l is at least 0.15, else 1: how far a pixel is cut off from the main body.
    """
    level = _connected_level(np.minimum(pred, truth))
    return np.abs(_phi(pred - level) - _phi(truth - level))


def _phi(excess: np.ndarray) -> np.ndarray:
    return 1 - excess * (excess >= np.float32(_CONNECTIVITY_THETA))


def _connected_level(shared: np.ndarray) -> np.ndarray:
    steps = np.arange(256, dtype=np.float32) / _CONNECTIVITY_STEPS
    level = np.full(shared.shape, _CONNECTIVITY_STEPS, np.uint8)
    inside = np.zeros(shared.shape, bool)
    # From the highest threshold down, so that the lowest at which a pixel drops out is what stays.
    for step in range(_CONNECTIVITY_STEPS, 0, -1):
        inside = _largest_part(shared >= steps[step], inside)
        np.copyto(level, np.uint8(step - 1), where=~inside)
    return cv2.LUT(level, steps)


def _largest_part(mask: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The largest 4-connected part of a mask; `known`, a part of the mask or nothing, is where to look first."""
    start = int(np.argmax(known))
    if known.flat[start]:
        # Filling from there takes a quarter of the time of labelling every part, and is enough if it fills more
        # than half of the mask.
        filled = mask.astype(np.uint8)
        seed = start % mask.shape[1], start // mask.shape[1]
        area = cv2.floodFill(filled, None, seed, (2,), flags=4)[0]
        if 2 * area > np.count_nonzero(mask):
            return filled == 2
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=4)
    if count == 1:
        return mask
    return labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))


def intersections_over_unions(
    pred: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None
) -> tuple[float, float]:
    """Intersection over union of background and of person; a class that neither has counts 1.

    `mask`: uint8 [H, W], non-zero where pixels count; None counts all.
    """
    person_pred, person_truth = _person(pred), _person(truth)
    if mask is not None:
        person_pred, person_truth = (np.where(mask, person, 0) for person in (person_pred, person_truth))
    pixels = pred.size if mask is None else cv2.countNonZero(mask)
    both = cv2.countNonZero(cv2.bitwise_and(person_pred, person_truth))
    either = cv2.countNonZero(cv2.bitwise_or(person_pred, person_truth))
    person = both / either if either else 1.0
    background = (pixels - either) / (pixels - both) if pixels > both else 1.0
    return background, person


def _person(alpha: np.ndarray) -> np.ndarray:
    """Mask uint8 [H, W], 255 where an alpha says person."""
    return cv2.compare(alpha, 0.5, cv2.CMP_GE)  # type: ignore[call-overload]  # the stub knows no scalar


def _checked(alpha: np.ndarray, name: str) -> np.ndarray:
    if alpha.ndim != 2:
        raise DataError(f"The {name} must be [H, W], got shape {alpha.shape}.")
    alpha = np.ascontiguousarray(alpha, np.float32)
    low, high = float(alpha.min()), float(alpha.max())
    if not (low >= 0 and high <= 1):
        raise DataError(
            f"The {name} must lie in [0, 1], got values from {low} to {high}. Divide 8-bit mattes by 255; "
            "nan means that the network itself is broken (check the training log)."
        )
    return alpha
