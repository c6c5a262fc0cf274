"""Last link of the chain: outputs against true alphas, by the measures that eval.py gives the same network."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

from ...common.errors import DataError
from ...common.malloc import keep_freed_memory
from ...common.progress import track
from ...common.threads import helpers, ordered
from ...imaging import matte_sheet, read_unknown, size_of, to_matte, write_png
from ..results import EvalResult
from ..score import ImageScores, score_output, summarize
from .store import Outputs, Truth

# Quantised outputs may lie a step outside [0, 1]; anything further is another scale or no alpha.
TOLERANCE = 0.02


def score(outputs: Outputs, truth: Truth, draw: Path | None = None) -> EvalResult:
    """Score the output of every image at the image's own size, as `src.evaluation.score.evaluate` does.

    Args:
        outputs: What a network said.
        truth: What is right.
        draw: Folder for `<name>.png`: input, truth, matte and composite side by side; needs images in `truth`.

    Raises:
        DataError: outputs and alphas are not of the same images, or a file cannot be used.
    """
    keep_freed_memory()
    start = time.perf_counter()
    outputs.check_names(truth.names, truth.source)
    with ThreadPoolExecutor(helpers()) as pool:
        each = ordered(pool, partial(_score, outputs, truth, draw), truth.names, helpers())
        scores = list(track(each, "image", total=len(truth.names), lines=True))
    model, network_seconds = outputs.origin()
    return summarize(scores, model, truth.source, time.perf_counter() - start, network_seconds)


def _score(outputs: Outputs, truth: Truth, draw: Path | None, name: str) -> ImageScores:
    output = outputs.read(name)
    check_output(output, outputs.path(name))
    image, alpha = truth.read(name)
    if draw and image is not None:
        write_png(draw / f"{name}.png", matte_sheet([(image, alpha, to_matte(output, *alpha.shape))]))
    band = read_unknown(truth.trimaps[name], size_of(alpha)) if name in truth.trimaps else None
    return score_output(name, output, alpha, truth.preprocess, band=band)


def check_output(output: np.ndarray, path: Path) -> None:
    """DataError where an output is not float [..., h, w] with all sides before these 1, in [0, 1] or near it."""
    single = output.size > 0 and output.ndim >= 2 and set(output.shape[:-2]) <= {1}
    if not single or not np.issubdtype(output.dtype, np.floating):
        raise DataError(f"The output in {path} is {output.dtype} {list(output.shape)}, not a float matte [1, 1, h, w].")
    low, high = float(output.min()), float(output.max())
    if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):  # also where one is NaN
        raise DataError(f"'{path}' is no alpha: its values go from {low} to {high}, a matte lies in [0, 1].")
