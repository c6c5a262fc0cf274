"""What is done to the norms of a pruned network: other norms in their place, and renewed statistics."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mindspore import nn

from ..common.log import logger
from ..common.progress import track
from .calibration import recalibrate
from .images import PruningImages
from .norms import batch_normalised, input_statistics, instance_norms, measure_norms
from .options import PruneOptions
from .target import MEASURED_SIZE


@dataclass(frozen=True)
class NormStep:
    """The step that renews a pruned network's norms.

    Attributes:
        options: what was asked for.
        images: what statistics and scores are taken from.
        output: folder for the table of trials.
    """

    options: PruneOptions
    images: PruningImages
    output: Path

    def replace(self, network: nn.Cell, narrow: nn.Cell) -> tuple[nn.Cell, dict[str, str]]:
        """Put batch norms where the options ask for them: the narrow network, and what was done in words.

        Args:
            network: as it was trained.
            narrow: what pruning left of it.
        """
        if not self.options.replaces_norms:
            return narrow, {}
        batches, every = list(self.images.unlabelled()), list(instance_norms(narrow))
        layers = self._worth_it(network, narrow, batches) if self.options.norm == "auto" else every
        done = f"{self.options.norm} ({len(layers)} of {len(every)} layers batch-normalised)"
        return batch_normalised(narrow, layers, input_statistics(narrow, layers, batches)), {"norm": done}

    def _worth_it(self, network: nn.Cell, narrow: nn.Cell, batches: list[np.ndarray]) -> Collection[str]:
        """Norms that are worth replacing, by measuring each; leaves the table."""
        table = measure_norms(network, narrow, self.images.mse, batches, MEASURED_SIZE)
        table.save(self.output / "norms.csv")
        chosen = table.choose(self.options.norm_cost)
        together = self.images.mse(batch_normalised(network, chosen, input_statistics(network, chosen, batches)))
        for line in table.lines():
            logger.info("%s", line)
        logger.info("together: MSE %.5f => %.5f before retraining", table.unchanged, together)
        return chosen

    def recalibrate(self, narrow: nn.Cell) -> int:
        """Renew batch norms' statistics where there are images; returns the number of batches."""
        if not (self.options.recalibrate and self.images.given):
            logger.info("batch norms keep their statistics: images (--config or --calibration) would renew them")
            return 0
        return recalibrate(narrow, track(self.images.unlabelled(), "batch", label="batch norms"))
