"""Sheets: tables of images to look at."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from ..common.errors import DataError
from .composite import composite
from .write import to_uint8

_PAPER, _INK, _GREEN = 255, (40, 40, 40), (120, 205, 90)
_GAP, _TITLE_HEIGHT = 4, 28

Result = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Image uint8 RGB [H, W, 3], true alpha and matte float [H, W]."""


def matte_sheet(results: Iterable[Result]) -> np.ndarray:
    """Input, truth, matte and composite on green of each result, a row each; uint8 RGB."""
    rows = [[image, alpha, matte, composite(image, matte, _GREEN)] for image, alpha, matte in results]
    return sheet(rows, ["input", "truth", "matte", "composite"])


def error_sheet(results: Iterable[Result], labels: Sequence[str], cell: int = 256) -> np.ndarray:
    """Input, truth, matte and the absolute error of each result, a row each under its label; uint8 RGB."""
    rows = [[image, alpha, matte, np.abs(matte - alpha)] for image, alpha, matte in results]
    return sheet(rows, ["input", "truth", "matte", "error"], cell, labels)


def sheet(
    rows: list[list[np.ndarray]], titles: Sequence[str], cell: int = 256, labels: Sequence[str] | None = None
) -> np.ndarray:
    """Images in a table under column titles, uint8 RGB.

    Args:
        rows: each a list of uint8 RGB [H, W, 3], uint8 grey or float alpha [H, W] images of any size; each is
            fitted into a square cell with its aspect kept.
        titles: one for each column.
        cell: side of a cell in pixels.
        labels: a line of text over each row.
    """
    if any(len(row) != len(titles) for row in rows):
        raise DataError(f"Every row of a sheet needs {len(titles)} images, got {[len(row) for row in rows]}.")
    label_height = 0 if labels is None else _TITLE_HEIGHT
    across, down = cell + _GAP, label_height + cell + _GAP
    page = np.full((_TITLE_HEIGHT + down * len(rows), across * len(titles) - _GAP, 3), _PAPER, np.uint8)
    for column, title in enumerate(titles):
        _write(page, title, 0, column * across, cell)
    for i, label in enumerate(labels or ()):
        _write(page, label, _TITLE_HEIGHT + i * down, 0, page.shape[1])
    for i, row in enumerate(rows):
        for j, image in enumerate(row):
            top, left = _TITLE_HEIGHT + i * down + label_height, j * across
            page[top : top + cell, left : left + cell] = _letterbox(image, cell)
    return page


def _write(page: np.ndarray, text: str, top: int, left: int, width: int) -> None:
    (text_width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.55, 1)
    scale = 0.55 * min(1.0, width / max(text_width, 1))
    cv2.putText(page, text, (left, top + 19), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, 1, cv2.LINE_AA)


def _letterbox(image: np.ndarray, cell: int) -> np.ndarray:
    if image.dtype != np.uint8:
        image = to_uint8(image)
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)
    scale = cell / max(image.shape[:2])
    height, width = (max(1, round(side * scale)) for side in image.shape[:2])
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    box = np.full((cell, cell, 3), _PAPER, np.uint8)
    top, left = (cell - height) // 2, (cell - width) // 2
    box[top : top + height, left : left + width] = cv2.resize(image, (width, height), interpolation=method)
    return box
