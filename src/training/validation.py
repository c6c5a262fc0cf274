"""Validation while training: scores on full pictures, and a sheet of a few of them to look at."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from src.dataset import Pair
from src.evaluation import evaluate, read_pair
from src.imaging import matte_sheet, write_png
from src.results import EvalResult
from src.runtime.base import Predictor

SHEET_ROWS = 4


def validate(predictor: Predictor, pairs: Sequence[Pair], model: str, dataset: str, allow_rgb: bool) -> EvalResult:
    """Scores of the network as it is; the same code and pixels as eval.py."""
    bar = tqdm(pairs, desc="validation", unit="picture", disable=None, leave=False, dynamic_ncols=True)
    return evaluate(predictor, bar, model, dataset, allow_rgb=allow_rgb)


def draw_sheet(predictor: Predictor, pairs: Sequence[Pair], path: Path, allow_rgb: bool) -> np.ndarray:
    """Input, truth, matte and composite of the first few pictures; returns uint8 [H, W, 3]."""
    read = (read_pair(pair, allow_rgb) for pair in pairs[:SHEET_ROWS])
    page = matte_sheet((image, alpha, predictor.predict(image)) for image, alpha in read)
    write_png(path, page)
    return page
