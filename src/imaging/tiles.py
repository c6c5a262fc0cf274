"""Where a matte is soft: what costs time per pixel is done only there."""

from collections.abc import Iterator

import cv2
import numpy as np

# A mixture this near to one side is that side in 8 bits.
_STEP = 0.5 / 255
_TILE = 64

Window = tuple[slice, slice]


def solid(alpha: np.ndarray) -> np.ndarray:
    """Mask uint8 [H, W] (0 or 1) of the pixels that are foreground alone, to half a step of 8 bits."""
    return (alpha > 1 - _STEP).view(np.uint8)


def present(alpha: np.ndarray) -> np.ndarray:
    """Mask uint8 [H, W] (0 or 1) of the pixels that are not background alone, to half a step of 8 bits."""
    return (alpha > _STEP).view(np.uint8)


def soft_tiles(alpha: np.ndarray) -> Iterator[Window]:
    """Square windows that together hold every pixel of an alpha [H, W] that is neither foreground nor background."""
    soft = cv2.inRange(alpha, _STEP, 1 - _STEP)  # type: ignore[call-overload]  # the stub knows no scalar bounds
    tops, lefts = (np.arange(0, side, _TILE) for side in alpha.shape)
    some = np.maximum.reduceat(np.maximum.reduceat(soft, tops, axis=0), lefts, axis=1)
    for i, j in np.argwhere(some):
        yield slice(tops[i], tops[i] + _TILE), slice(lefts[j], lefts[j] + _TILE)


def grown(tile: Window, margin: int, shape: tuple[int, ...]) -> tuple[Window, Window]:
    """A window with a margin, cut to the image's `shape` [H, W], and where the window lies in there."""
    (rows, rows_within), (columns, columns_within) = (
        _grown_side(side, margin, length) for side, length in zip(tile, shape, strict=True)
    )
    return (rows, columns), (rows_within, columns_within)


def _grown_side(side: slice, margin: int, length: int) -> tuple[slice, slice]:
    start = max(0, side.start - margin)
    return slice(start, min(side.stop + margin, length)), slice(side.start - start, side.stop - start)
