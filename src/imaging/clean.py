"""Mattes freed of specks and small holes."""

import cv2
import numpy as np

_PART_ABOVE, _HOLE_BELOW = 0.1, 0.9
_SMALLEST_PART = 0.1  # of the largest part's area
_LARGEST_HOLE = 0.01  # of the area of what is kept


def clean_matte(matte: np.ndarray) -> np.ndarray:
    """Keep the largest parts of a matte and close its small holes.

    A part is a connected region above 0.1; those with less than a tenth of the largest one's area go. A hole is a
    region below 0.9 that is shut in; it is filled where it is below a hundredth of the area that is kept.

    Args:
        matte: float32 [H, W] in [0, 1].

    Returns:
        The same, float32 [H, W].
    """
    labels, areas = _regions(matte > _PART_ABOVE)
    if not areas.size:
        return matte
    kept = np.concatenate([[False], areas >= _SMALLEST_PART * areas.max()])[labels]
    cleaned = np.where(kept, matte, np.float32(0))
    holes, sizes = _regions(cleaned < _HOLE_BELOW)
    if sizes.size:
        small = sizes < _LARGEST_HOLE * np.count_nonzero(kept)
        border = np.unique(np.concatenate([holes[0], holes[-1], holes[:, 0], holes[:, -1]]))
        small[border[border > 0] - 1] = False
        cleaned[np.concatenate([[False], small])[holes]] = 1
    return cleaned


def _regions(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels int32 [H, W], 0 outside the bool mask, and the area in pixels of label 1, 2, ..."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    return labels, stats[1:, cv2.CC_STAT_AREA]
