"""The images that a pruning may look at: for batch norms' statistics, for importances and for scores."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from mindspore import nn

from ..common.errors import ConfigError
from ..common.progress import track
from ..config.sections import DataSection
from ..data.pairs import Pair, evaluation_pairs
from ..data.preprocess import preprocess_of
from ..evaluation.score import evaluate
from ..runtime.mindspore_runtime import MindSporePredictor
from ..spec.preprocess import Preprocess
from .calibration import Batch, folder_batches, training_batches
from .importances import find_importance
from .options import PruneOptions
from .strategies import find_strategy


@dataclass(frozen=True)
class PruningImages:
    """Images of a configuration's data sets, or of the options' folder.

    Attributes:
        data: names the data sets.
        options: how many images, and a folder in the place of the training set.
        preprocess: of the network that is pruned.
        seed: of the training set's order and crops.
    """

    data: DataSection
    options: PruneOptions
    preprocess: Preprocess
    seed: int

    @property
    def given(self) -> bool:
        """Whether there are images without labels."""
        return self.options.calibration is not None or self.data.train_dataset is not None

    def unlabelled(self) -> Iterator[np.ndarray]:
        """Batches of network inputs, float32 [N, 3, H, W]; ConfigError where no images are given."""
        if self.options.calibration is not None:
            return folder_batches(self.options.calibration, self.preprocess, self.options.batches)
        return (image for image, _, _ in self._training())

    def labelled(self) -> Iterator[Batch]:
        """Batches of the training set: image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32."""
        return track(self._training(), "batch", self.options.batches, label="importance")

    def mse(self, network: nn.Cell) -> float:
        """MSE of a network on the first validation images."""
        predictor = MindSporePredictor(network, self.preprocess)
        spec = self.data.dataset("val_dataset")
        return evaluate(predictor, self._validation, "", spec.dataset_root, allow_rgb=spec.alpha_channels).whole["mse"]

    @cached_property
    def _validation(self) -> list[Pair]:
        return evaluation_pairs(self.data.dataset("val_dataset"))[: self.options.images]

    def _training(self) -> Iterator[Batch]:
        spec = self.data.dataset("train_dataset")
        stated, own = preprocess_of(self.data), self.preprocess
        if (stated.mean, stated.std) != (own.mean, own.std):
            raise ConfigError(
                f"The network was trained with mean {own.mean} and std {own.std}, the configuration's Normalize says "
                f"{stated.mean} and {stated.std}. Use the configuration that it was trained with."
            )
        return training_batches(spec, self.options.batches, self.seed)


def check_images(data: DataSection, options: PruneOptions) -> None:
    """Raise ConfigError, before any work, where the options need images that are not given."""
    trained, validated = data.train_dataset is not None, data.val_dataset is not None
    if options.replaces_norms and options.calibration is None and not trained:
        raise ConfigError("`norm` needs images for new batch norms' statistics: give --config or --calibration.")
    if options.norm == "auto" and not validated:
        raise ConfigError("`norm: auto` needs images to score: give --config with a `val_dataset`.")
    if find_importance(options.importance).labelled and not trained:
        raise ConfigError(
            f"The importance `{options.importance}` needs images with alphas: give --config with a `train_dataset`."
        )
    if "images" in find_strategy(options.strategy).takes and not validated:
        raise ConfigError(
            f"The strategy `{options.strategy}` needs images to score: give --config with a `val_dataset`."
        )
