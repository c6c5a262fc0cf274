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


def soft_tiles(alpha: np.ndarray) -> Iterator[Window]:
    """Square windows that together hold every pixel of an alpha [H, W] that is neither foreground nor background."""
    soft = cv2.inRange(alpha, _STEP, 1 - _STEP)  # type: ignore[call-overload]  # the stub knows no scalar bounds
    for top in range(0, alpha.shape[0], _TILE):
        for left in range(0, alpha.shape[1], _TILE):
            tile = slice(top, top + _TILE), slice(left, left + _TILE)
            if soft[tile].any():
                yield tile


def grown(tile: Window, margin: int, shape: tuple[int, ...]) -> tuple[Window, Window]:
    """A window with a margin, cut to the image's `shape` [H, W], and where the window lies in there."""
    (rows, rows_within), (columns, columns_within) = (
        _grown_side(side, margin, length) for side, length in zip(tile, shape, strict=True)
    )
    return (rows, columns), (rows_within, columns_within)


def _grown_side(side: slice, margin: int, length: int) -> tuple[slice, slice]:
    start = max(0, side.start - margin)
    return slice(start, min(side.stop + margin, length)), slice(side.start - start, side.stop - start)
