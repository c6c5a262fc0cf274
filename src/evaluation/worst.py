"""The images that an evaluation did worst on, to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..common.errors import DataError
from ..data.pairs import Pair
from ..imaging import AlphaChannels, error_sheet, read_alpha
from .results import EvalResult


def worst_page(
    folder: Path, pairs: Sequence[Pair], most: int, allow_rgb: AlphaChannels = False, cell: int = 220
) -> np.ndarray:
    """Input, truth, matte and error of the images with the highest MSE, worst first, in two columns.

    Args:
        folder: what eval.py left: eval.json and the mattes.
        pairs: the images that were scored, perhaps with others.
        most: how many are shown; where there are fewer, all.
        allow_rgb: as in `src.imaging.read_alpha`.
        cell: side of each of them on the page, in pixels.

    Returns:
        uint8 RGB [H, W, 3].

    Raises:
        DataError: no evaluation there, or of other images.
    """
    known = {pair.name: pair for pair in pairs}
    worst = _worst(folder, most)
    foreign = [name for name, _ in worst if name not in known]
    if foreign:
        raise DataError(f"{folder} scored '{foreign[0]}', which the configuration's validation set does not have. Give "
                        "the configuration of that evaluation.")  # fmt: skip
    results = [(*known[name].read(allow_rgb), read_alpha(folder / f"{name}.png")) for name, _ in worst]
    labels = [f"{place}. {name}: MSE {mse:.4f}" for place, (name, mse) in enumerate(worst, 1)]
    half = (len(worst) + 1) // 2
    columns = [
        error_sheet(results[part], labels[part], cell) for part in (slice(half), slice(half, None)) if labels[part]
    ]
    return _beside(columns)


def _worst(folder: Path, most: int) -> list[tuple[str, float]]:
    """(image, MSE), the highest first."""
    try:
        images = EvalResult.load(folder / "eval.json").per_picture
        scores = [(image["name"], image["whole"]["mse"]) for image in images]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{folder} holds no evaluation ({error!r}). Give the --output_path of an eval.py run."
        ) from error
    return sorted(scores, key=lambda score: -score[1])[:most]


def _beside(sheets: list[np.ndarray], gap: int = 24) -> np.ndarray:
    height = max(sheet.shape[0] for sheet in sheets)
    parts = [np.pad(s, ((0, height - len(s)), (gap * (i > 0), 0), (0, 0)), constant_values=255)
             for i, s in enumerate(sheets)]  # fmt: skip
    return np.hstack(parts)
