"""Compositing, and the sheets on which validation shows its pictures."""

import cv2
import numpy as np

from src.errors import DataError
from src.imaging.tiles import soft_tiles, solid
from src.imaging.write import to_uint8

_PAPER, _INK = 255, (40, 40, 40)
_GAP, _TITLE_HEIGHT = 4, 28


def composite(
    foreground: np.ndarray, alpha: np.ndarray, background: np.ndarray | tuple[float, float, float]
) -> np.ndarray:
    """alpha * foreground + (1 - alpha) * background, [H, W, 3].

    Args:
        foreground: uint8 [0, 255] or float32, [H, W, 3]; decides the type of the result (uint8 is rounded to
            nearest, float32 is left as it comes).
        alpha: float32 [H, W] in [0, 1].
        background: of the foreground's type and size, or one colour in the foreground's value range.
    """
    if not isinstance(background, np.ndarray):
        background = np.full_like(foreground, background)
    if foreground.shape != background.shape or foreground.dtype != background.dtype:
        raise DataError(
            f"Foreground {foreground.dtype} {foreground.shape} and background {background.dtype} {background.shape} "
            "must be alike to be composed; resize and convert the background first."
        )
    if foreground.dtype != np.uint8:
        return background + alpha[..., None] * (foreground - background)
    result = cv2.copyTo(foreground, solid(alpha), background.copy())
    for tile in soft_tiles(alpha):
        under = background[tile].astype(np.float32)
        result[tile] = cv2.convertScaleAbs(under + alpha[tile][..., None] * (foreground[tile] - under))
    return result


def sheet(rows: list[list[np.ndarray]], titles: list[str], cell: int = 256) -> np.ndarray:
    """Pictures in a table under column titles, uint8 RGB.

    Args:
        rows: each a list of uint8 RGB [H, W, 3], uint8 grey or float alpha [H, W] pictures of any size; each is
            fitted into a square cell with its aspect kept.
        titles: one for each column.
        cell: side of a cell in pixels.
    """
    if any(len(row) != len(titles) for row in rows):
        raise DataError(f"Every row of a sheet needs {len(titles)} pictures, got {[len(row) for row in rows]}.")
    step = cell + _GAP
    page = np.full((_TITLE_HEIGHT + step * len(rows), step * len(titles) - _GAP, 3), _PAPER, np.uint8)
    for column, title in enumerate(titles):
        _write_title(page, title, column * step, cell)
    for i, row in enumerate(rows):
        for j, picture in enumerate(row):
            top, left = _TITLE_HEIGHT + i * step, j * step
            page[top : top + cell, left : left + cell] = _letterbox(picture, cell)
    return page


def _write_title(page: np.ndarray, title: str, left: int, width: int) -> None:
    (text_width, _), _ = cv2.getTextSize(title, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
    scale = 0.55 * min(1.0, width / max(text_width, 1))
    cv2.putText(page, title, (left, 19), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)


def _letterbox(picture: np.ndarray, cell: int) -> np.ndarray:
    if picture.dtype != np.uint8:
        picture = to_uint8(picture)
    if picture.ndim == 2:
        picture = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB)
    scale = cell / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    box = np.full((cell, cell, 3), _PAPER, np.uint8)
    top, left = (cell - height) // 2, (cell - width) // 2
    box[top : top + height, left : left + width] = cv2.resize(picture, (width, height), interpolation=method)
    return box
