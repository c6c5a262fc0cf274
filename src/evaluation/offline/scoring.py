"""Raw results and raw masks -> the scores that eval.py gives the same network."""

import json
import time
from pathlib import Path

from ...common.errors import DataError
from ..results import EvalResult
from ..score import ImageScores, score_output, summarize
from .bins import MASKS, BinEntry, Manifest, bin_path, read_bin
from .inference import RUN


def score(folder: Path, output: Path) -> EvalResult:
    """Score the results in `output` against the masks in `folder`, by the measures of `src.evaluation.score.evaluate`.

    Raises:
        DataError: no manifest, or a result or mask is missing, of the wrong size, or not in [0, 1].
    """
    start, manifest = time.perf_counter(), Manifest.load(folder)
    results = [_score(entry, manifest, folder, output) for entry in manifest.entries]
    model, network_seconds = _run(output)
    return summarize(results, model, manifest.dataset, time.perf_counter() - start, network_seconds)


def _score(entry: BinEntry, manifest: Manifest, folder: Path, output: Path) -> ImageScores:
    path = output / f"{entry.name}.bin"
    result = read_bin(path, "float32", entry.input_size, "Run offline_infer/infer.py over the images, or name the "
                      "folder of the results with --output.")  # fmt: skip
    if not (result.min() >= -1e-3 and result.max() <= 1 + 1e-3):  # also where one is no number
        raise DataError(f"'{path}' is no alpha: its values go from {result.min()} to {result.max()}, expected are 0 to "
                        "1 as float32.")  # fmt: skip
    alpha = read_bin(bin_path(folder, MASKS, entry.name), "float32", entry.mask_size,
                     "Write the folder again with scripts/run_datapre.sh.")  # fmt: skip
    return score_output(entry.name, result, alpha, isinstance(manifest.preprocess.ref_size, tuple))


def _run(output: Path) -> tuple[str, float]:
    """Model and network seconds of our own run; the results of another program come without."""
    try:
        values = json.loads((output / RUN).read_text(encoding="utf-8"))
        return str(values["model"]), float(values["network_seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return str(output), 0.0
