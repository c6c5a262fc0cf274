"""Score models one after another and say how they differ: the work of eval.py."""

from pathlib import Path

from ..common.files import make_folder
from ..common.log import logger
from ..common.text import count_of
from ..config.dataset import DatasetSpec
from ..data.pairs import Pair
from ..runtime.base import Predictor
from .results import Comparison, EvalResult
from .score import ImageScores, evaluate

RESULT, COMPARISON = "eval.json", "comparison.json"
_SHOWN = {"miou": "mIoU", "iou": "IoU"}


def score(model: str, predictor: Predictor, folder: Path, pairs: list[Pair], spec: DatasetSpec) -> EvalResult:
    """Evaluate one model with its mattes and eval.json in `folder`."""
    logger.info("%s on %s of %s", model, count_of(len(pairs), "image"), spec.dataset_root)
    make_folder(folder)
    result = evaluate(predictor, pairs, model, spec.dataset_root, folder, spec.alpha_channels, on_image=_log_image)
    result.save(folder / RESULT)
    _log_result(result)
    return result


def report(comparison: Comparison, most: float | None, output: Path) -> int:
    """Log and save a comparison; 1 where a model's MSE increase is above `most`."""
    comparison.save(output / COMPARISON)
    logger.info("whole images, and how the MSE differs from the first model's:\n%s", comparison.table())
    if most is None:
        return 0
    over = comparison.over(most)
    for result in over:
        increase = comparison.mse_increase(result)
        logger.error("%s: MSE increase %+.1f%%, allowed are %.1f%%", result.model, 100 * increase, 100 * most)
    return 1 if over else 0


def _log_image(scores: ImageScores) -> None:
    logger.info(
        "%s: MSE %.6f, MAD %.6f, SAD %.3f, band MSE %.6f", scores.name, scores.whole.mse, scores.whole.mad,
        scores.whole.sad, scores.band.mse,
    )  # fmt: skip


def _log_result(result: EvalResult) -> None:
    for region, scores in (("whole image", result.whole), ("transition band", result.band)):
        values = ", ".join(f"{_SHOWN.get(name, name.upper())} {scores[name]:.6f}" for name in scores)
        logger.info("%s: %s", region, values)
    if result.mmnet:
        logger.info("MMNet's own measures: %s", ", ".join(f"{name} {v:.6f}" for name, v in result.mmnet.items()))
    number = count_of(result.pictures, "image")
    logger.info("%s in %.1f s, network %.1f s", number, result.seconds, result.network_seconds)
    logger.info("eval result, MSE: %.6f, MAD: %.6f", result.whole["mse"], result.whole["mad"])
