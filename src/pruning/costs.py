"""What plans for a network cost, by the kind of target; and whether the clock agrees with a latency in the end."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from mindspore import nn

from ..common.log import logger
from .latency import LatencyTable, check_latency, measure_latency
from .measure import kept_channels, macs, parameters
from .setting import Setting
from .target import Measure, Target


@dataclass
class Costs:
    """Prices plans for one network.

    Attributes:
        network: the network about to be pruned.
        setting: its channels.
        output: folder for the table of latencies.
    """

    network: nn.Cell
    setting: Setting
    output: Path

    def __post_init__(self) -> None:
        self._timed: tuple[LatencyTable, Target] | None = None

    def of(self, target: Target) -> Measure:
        """What a mask of channels costs, in the target's unit."""
        return _MEASURES[target.kind](self, target)

    def check(self, narrow: nn.Cell, keep: np.ndarray, same_norms: bool) -> dict[str, float] | None:
        """Milliseconds of an image "dense", "predicted" and "measured", where the target was a latency.

        Args:
            narrow: what pruning left.
            keep: its mask, bool [channels].
            same_norms: whether it has the norms that the table was measured with: then a difference gives a warning.
        """
        if self._timed is None:
            return None
        table, target = self._timed
        found = check_latency(table, narrow, keep, target.size)
        if found.warning and same_norms:
            logger.warning("%s", found.warning)
        return asdict(found)

    def _latency(self, target: Target) -> Measure:
        table = measure_latency(self.network, self.setting, target.size)
        table.save(self.output / "latency.csv")
        logger.info("the network takes %s", target.format(table.dense))
        self._timed = table, target
        return table


_MEASURES: dict[str, Callable[[Costs, Target], Measure]] = {
    "channels": lambda costs, target: kept_channels(costs.setting.channels),
    "params": lambda costs, target: parameters(costs.network, costs.setting.channels),
    "macs": lambda costs, target: macs(costs.network, costs.setting.channels, *target.size),
    "latency": Costs._latency,
}
