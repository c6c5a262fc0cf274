"""Validation while training: scores on full images, and a sheet of a few of them to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..common.progress import track
from ..data.pairs import Pair
from ..evaluation.results import EvalResult
from ..evaluation.score import evaluate
from ..imaging import AlphaChannels, matte_sheet, write_png
from ..runtime.base import Predictor

SHEET_ROWS = 4


def validate(
    predictor: Predictor, pairs: Sequence[Pair], model: str, dataset: str, allow_rgb: AlphaChannels
) -> EvalResult:
    """Scores of the network as it is; the same code and pixels as eval.py."""
    bar = track(pairs, "image", label="validation")
    return evaluate(predictor, bar, model, dataset, allow_rgb=allow_rgb)


def draw_sheet(predictor: Predictor, pairs: Sequence[Pair], path: Path, allow_rgb: AlphaChannels) -> np.ndarray:
    """Input, truth, matte and composite of the first few images; returns uint8 [H, W, 3]."""
    read = (pair.read(allow_rgb) for pair in pairs[:SHEET_ROWS])
    page = matte_sheet((image, alpha, predictor.predict(image)) for image, alpha in read)
    write_png(path, page)
    return page
