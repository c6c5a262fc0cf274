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
    soft = cv2.inRange(alpha, _STEP, 1 - _STEP)
    for top in range(0, alpha.shape[0], _TILE):
        for left in range(0, alpha.shape[1], _TILE):
            tile = slice(top, top + _TILE), slice(left, left + _TILE)
            if soft[tile].any():
                yield tile


def grown(tile: Window, margin: int, shape: tuple[int, ...]) -> tuple[Window, Window]:
    """A window with a margin, cut to the image's `shape`, and where the window lies in there."""
    starts = [max(0, side.start - margin) for side in tile]
    outer = tuple(slice(start, min(side.stop + margin, n)) for start, side, n in zip(starts, tile, shape, strict=True))
    return outer, tuple(slice(side.start - start, side.stop - start) for start, side in zip(starts, tile, strict=True))
