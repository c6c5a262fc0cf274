"""Which groups a network can do without: its score with each group narrowed alone, and widths allotted by that."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.files import whole_file
from ..common.progress import track
from .groups import Channels
from .plan import fixed_count, select
from .setting import Setting
from .surgery import zero_channels

RATIOS = (0.25, 0.5, 0.75)
COLUMNS = ("group", "part", "channels", "ratio", "kept", "mse", "mse_unpruned")


@dataclass(frozen=True)
class Sensitivity:
    """What narrowing each group alone does to the score.

    Attributes:
        channels: of the network.
        ratios: shares of a group's channels that were removed, increasing.
        mse: validation MSE with one group narrowed by one ratio, float64 [groups, ratios].
        unpruned: validation MSE of the network.
    """

    channels: Channels
    ratios: tuple[float, ...]
    mse: np.ndarray
    unpruned: float

    def harm(self) -> np.ndarray:
        """Increase of the MSE, float64 [groups, 1 + ratios] from ratio 0 on.

        It is made non-decreasing, since scores are noisy.
        """
        rises = np.maximum(self.mse - self.unpruned, 0.0)
        return np.maximum.accumulate(np.pad(rises, ((0, 0), (1, 0))), axis=1)

    def allot(self, setting: Setting, strength: float) -> np.ndarray:
        """Channels to keep when each group is narrowed until it does the same harm; int [groups].

        Args:
            setting: the network's channels.
            strength: 0 removes nothing that does harm, 1 all groups by the largest measured ratio.
        """
        harm = self.harm()
        level = harm.max() * strength**3  # most groups do little harm: the cube gives them most of the range
        steps = (0.0, *self.ratios)
        ratios = [_largest(steps, row, level) for row in harm]
        return np.array([fixed_count(len(g), r) for g, r in zip(setting.channels.groups, ratios, strict=True)])

    def save(self, path: Path) -> None:
        """Write the table as CSV, one row for each group and ratio."""
        rows = [
            (group.name, group.part, len(group), ratio, fixed_count(len(group), ratio) or 1, f"{mse:.8g}",
             f"{self.unpruned:.8g}")
            for group, line in zip(self.channels.groups, self.mse, strict=True)
            for ratio, mse in zip(self.ratios, line, strict=True)
        ]  # fmt: skip
        with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])

    def draw(self, path: Path) -> None:
        """Draw one diagram a part, one curve a group: MSE against the share of channels removed."""
        from matplotlib.figure import Figure

        groups = self.channels.groups
        parts = list(dict.fromkeys(group.part for group in groups))
        figure = Figure(figsize=(6 * len(parts), 5), layout="constrained")
        for axes, part in zip(np.atleast_1d(figure.subplots(1, len(parts), sharey=True)), parts, strict=True):
            for group, line in zip(groups, self.mse, strict=True):
                if group.part == part:
                    axes.plot((0, *self.ratios), (self.unpruned, *line), "o-", markersize=3, label=group.name)
            axes.set(title=part, xlabel="share of channels removed", yscale="log")
            axes.grid(alpha=0.3)
            axes.legend(fontsize=6)
        figure.axes[0].set_ylabel("validation MSE")
        with whole_file(path) as temporary:
            figure.savefig(temporary, dpi=100)


def _largest(steps: tuple[float, ...], harm: np.ndarray, level: float) -> float:
    """The largest ratio that does no more harm than `level`, along straight lines between the steps."""
    fits = int(np.flatnonzero(harm <= level)[-1])
    if fits == len(steps) - 1:
        return steps[-1]
    rise = harm[fits + 1] - harm[fits]
    return steps[fits] + (steps[fits + 1] - steps[fits]) * (level - harm[fits]) / rise


def measure_sensitivity(
    network: nn.Cell, setting: Setting, score: Callable[[], float], ratios: tuple[float, ...] = RATIOS
) -> Sensitivity:
    """Narrow every group by every ratio, one at a time, and score the network.

    Args:
        network: its weights change between calls of `score`, and come back at the end.
        setting: its channels with their scores.
        score: the network's MSE as it is when called.
        ratios: shares of a group's channels to remove.
    """
    unpruned, groups = score(), setting.channels.groups
    mse = np.zeros((len(groups), len(ratios)))
    trials = [(g, r) for g in range(len(groups)) for r in range(len(ratios))]
    present = {p.name: p for p in network.get_parameters()}
    for g, r in track(trials, "trial", label="sensitivity"):
        counts = setting.sizes
        counts[g] = max(1, fixed_count(len(groups[g]), ratios[r]))
        keep = select(setting.channels, setting.scores, counts)
        zeroed = zero_channels(setting.weights, setting.channels, keep)
        try:
            for name, value in zeroed.items():
                present[name].set_data(ms.Tensor(value))
            mse[g, r] = score()
        finally:
            for name in zeroed:
                present[name].set_data(ms.Tensor(setting.weights[name].copy()))
    return Sensitivity(setting.channels, ratios, mse, unpruned)
