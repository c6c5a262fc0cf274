"""Validation scores of model files, with the pixels and the code of eval.py."""

import contextlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..common.errors import DeviceError, MattingError
from ..common.log import logger
from ..config.config import Config
from ..config.dataset import UNLABELLED
from ..data.pairs import Pair, evaluation_pairs, match_folders
from ..evaluation.results import Comparison, EvalResult
from ..evaluation.score import evaluate
from ..imaging import AlphaChannels, read_image
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.options import join_precision
from .source import Source

MUCH = 0.2  # share by which 8 bits may raise the MSE without a warning
_COMPARED = 16
_SCORED = 32  # of labelled images that are not there for validation
_ALPHA_FOLDERS = ("alpha", "alphas", "mask", "masks", "matte", "mattes")


@dataclass(frozen=True)
class Validation:
    """Validation images with their alphas; `dataset` and `allow_rgb` as in `src.evaluation.score.evaluate`."""

    pairs: list[Pair]
    dataset: str
    allow_rgb: AlphaChannels

    @classmethod
    def of(cls, config: Config | None, size: int | None, calibration: str | None = None) -> "Validation | None":
        """The first `size` labelled images that are at hand; None where there are none.

        That is the configuration's validation set, else its training set, else the images of the folder `calibration`
        with the alphas of a folder beside it. Of the last two, no more than 32 are taken.
        """
        if config is not None and config.data.val_dataset is not None:
            spec = config.dataset("val_dataset")
            return cls(evaluation_pairs(spec)[:size], spec.dataset_root, spec.alpha_channels)
        found = cls._of_training(config) or cls._beside(calibration)
        if found is None:
            return None
        logger.info("no validation set: scored on images of %s", found.dataset)
        return replace(found, pairs=found.pairs[: min(size or _SCORED, _SCORED)])

    @classmethod
    def _of_training(cls, config: Config | None) -> "Validation | None":
        """The training set, unless it has no fixed images with alphas."""
        if config is None or config.data.train_dataset is None:
            return None
        spec = config.dataset("train_dataset")
        fixed = spec.name != UNLABELLED and spec.type == "MattingDataset" and spec.img_subpath is not None
        return cls(evaluation_pairs(spec), spec.dataset_root, spec.alpha_channels) if fixed else None

    @classmethod
    def _beside(cls, folder: str | None) -> "Validation | None":
        """The images of a folder, as far as a folder of alphas beside it has files of the same names."""
        images = Path(folder or "").absolute()
        for alphas in (images.parent / name for name in _ALPHA_FOLDERS if folder and name != images.name):
            with contextlib.suppress(MattingError):  # it is no folder of alphas
                pairs = match_folders(images, alphas).pairs
                for pair in pairs[:1]:
                    pair.read(allow_rgb=True)
                if pairs:
                    return cls(pairs, str(images), True)
        return None

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


def warn_of_loss(result: EvalResult, reference: EvalResult) -> None:
    """A warning where 8 bits raise the MSE by more than `MUCH`; it names the cures."""
    loss = Comparison([reference]).mse_increase(result)
    if not loss <= MUCH:
        logger.warning(
            "%s: 8 bits raise the MSE by %.0f%%, more than %.0f%%. Calibrate with more varied images (--calibration, "
            "--calibration_size), let --max_mse_increase %.0f%% choose layers to keep in float, or name them by "
            "--keep_float.", result.model, 100 * loss, 100 * MUCH, 100 * MUCH,
        )  # fmt: skip


def short_scores(result: EvalResult | None) -> dict[str, float]:
    """What a file's contract and the manifest say: mse, mad, sad and miou of whole images, and band_mse.

    Empty for None: not measured.
    """
    return {} if result is None else dict(result.whole) | {"band_mse": result.band["mse"]}
