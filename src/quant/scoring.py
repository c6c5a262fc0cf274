"""Validation scores of model files, with the pixels and the code of eval.py."""

from dataclasses import dataclass
from pathlib import Path

from src.config import Config
from src.evaluation import evaluate
from src.log import logger
from src.pairs import Pair, evaluation_pairs
from src.results import Comparison, EvalResult
from src.runtime.factory import open_predictor
from src.runtime.options import join_precision


@dataclass(frozen=True)
class Validation:
    """Validation pictures with their alphas; `dataset` and `allow_rgb` as in `src.evaluation.evaluate`."""

    pairs: list[Pair]
    dataset: str
    allow_rgb: bool

    @classmethod
    def of(cls, config: Config | None, size: int | None) -> "Validation | None":
        """The first `size` validation pictures of a configuration; None where it names none."""
        if config is None or config.val_dataset is None:
            return None
        spec = config.dataset("val_dataset")
        return cls(evaluation_pairs(spec)[:size], spec.dataset_root, spec.alpha_allow_rgb)

    def score(self, path: Path, precision: str = "f32") -> EvalResult:
        predictor, _ = open_predictor(path, precision=precision)
        name = join_precision(path.name, precision)
        return evaluate(predictor, self.pairs, name, self.dataset, allow_rgb=self.allow_rgb)


def log_scores(result: EvalResult, reference: EvalResult) -> None:
    logger.info(
        "%s: MSE %.6f (%+.1f%%), MAD %.6f, band MSE %.6f on %d pictures", result.model, result.whole["mse"],
        100 * Comparison([reference]).mse_increase(result), result.whole["mad"], result.band["mse"], result.pictures,
    )  # fmt: skip


def short_scores(result: EvalResult) -> dict[str, float]:
    """What a file's contract and the manifest say: mse, mad, sad and miou of whole pictures, and band_mse."""
    return dict(result.whole) | {"band_mse": result.band["mse"]}
