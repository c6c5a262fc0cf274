"""Validation scores of model files, with the pixels and the code of eval.py."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import DeviceError
from ..common.log import logger
from ..config.config import Config
from ..data.pairs import Pair, evaluation_pairs
from ..evaluation.results import Comparison, EvalResult
from ..evaluation.score import evaluate
from ..imaging import read_image
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.options import join_precision
from .source import Source

_COMPARED = 16


@dataclass(frozen=True)
class Validation:
    """Validation images with their alphas; `dataset` and `allow_rgb` as in `src.evaluation.score.evaluate`."""

    pairs: list[Pair]
    dataset: str
    allow_rgb: bool

    @classmethod
    def of(cls, config: Config | None, size: int | None) -> "Validation | None":
        """The first `size` validation images of a configuration; None where it names none."""
        if config is None or config.data.val_dataset is None:
            return None
        spec = config.dataset("val_dataset")
        return cls(evaluation_pairs(spec)[:size], spec.dataset_root, spec.alpha_allow_rgb)

    def score(self, path: Path, precision: str = "f32") -> EvalResult:
        """Scores of a model file opened in a precision; raises as `open_predictor` and `evaluate` do."""
        predictor, _ = open_predictor(path, precision=precision)
        name = join_precision(path.name, precision)
        return evaluate(predictor, self.pairs, name, self.dataset, allow_rgb=self.allow_rgb)

    def deviation(self, path: Path, source: Predictor) -> dict[str, float]:
        """How far a file's mattes are from those of the float model that it was made from.

        Returns:
            Largest and mean |alpha - alpha of `source`|, alphas in [0, 1], over all pixels of the first `_COMPARED`
            images (`pictures`), at their own size.
        """
        predictor, largest, total, pixels = open_predictor(path)[0], 0.0, 0.0, 0
        pairs = self.pairs[:_COMPARED]
        for pair in pairs:
            image = read_image(pair.image)
            difference = np.abs(predictor.predict(image) - source.predict(image))
            largest = max(largest, float(difference.max()))
            total, pixels = total + float(difference.sum(dtype=np.float64)), pixels + difference.size
        return {"alpha_max": largest, "alpha_mean": total / pixels, "pictures": len(pairs)}


class Scorer:
    """Scores variants beside the float model that they are made from."""

    def __init__(self, validation: Validation, source: Source) -> None:
        self.validation, self.source = validation, source

    @cached_property
    def reference(self) -> EvalResult:
        """Scores of the float model; measured once."""
        result = self.validation.score(self.source.path)
        log_scores(result, result)
        return result

    def score(self, path: Path, precision: str = "f32") -> EvalResult | None:
        """Scores of a variant; None where this CPU cannot compute it."""
        try:
            result = self.validation.score(path, precision)
        except DeviceError as error:  # a file for another CPU than this one
            logger.warning("%s is not scored: %s", path.name, error)
            return None
        log_scores(result, self.reference)
        return result

    def note(self, path: Path) -> dict[str, Any]:
        """What a file's note says of its mattes' distance from the float model's."""
        found = self.validation.deviation(path, self.source.predictor)
        logger.info("%s: alpha differs from %s by at most %.3f, %.6f in the mean, on %d images", path.name,
                    self.source.path.name, found["alpha_max"], found["alpha_mean"], found["pictures"])  # fmt: skip
        return {"deviation": found}


def log_scores(result: EvalResult, reference: EvalResult) -> None:
    """One line: MSE, MAD and band MSE of a model, and by how much its MSE is above that of the float `reference`."""
    logger.info(
        "%s: MSE %.6f (%+.1f%%), MAD %.6f, band MSE %.6f on %d images", result.model, result.whole["mse"],
        100 * Comparison([reference]).mse_increase(result), result.whole["mad"], result.band["mse"], result.pictures,
    )  # fmt: skip


def short_scores(result: EvalResult | None) -> dict[str, float]:
    """What a file's contract and the manifest say: mse, mad, sad and miou of whole images, and band_mse.

    Empty for None: not measured.
    """
    return {} if result is None else dict(result.whole) | {"band_mse": result.band["mse"]}
