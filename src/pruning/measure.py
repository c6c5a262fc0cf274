"""What a plan would cost, without building its network."""

import math

import numpy as np
from mindspore import nn

from ..models.costs import STATISTICS, deployed_and_training, weight_uses
from .groups import Channels
from .target import Measure


class Sizes:
    """Numbers left of each parameter under a mask."""

    def __init__(self, network: nn.Cell, channels: Channels) -> None:
        self.shapes = {p.name: p.shape for p in network.get_parameters()}
        self.axes: dict[str, list[np.ndarray]] = {name: [] for name in self.shapes}
        self.whole = {name: math.prod(shape) for name, shape in self.shapes.items()}
        for axis in channels.axes:
            self.axes[axis.parameter].append(axis.channels)
            self.whole[axis.parameter] //= len(axis.channels)

    def of(self, parameter: str, keep: np.ndarray) -> int:
        """Numbers that a mask, bool [channels.count], leaves of one parameter."""
        return self.whole[parameter] * math.prod(int(keep[channels].sum()) for channels in self.axes[parameter])


def parameters(network: nn.Cell, channels: Channels) -> Measure:
    """Learned parameters, as `src.models.costs` counts them."""
    sizes = Sizes(network, channels)
    names = [name for name in sizes.shapes if name.rpartition(".")[2] not in STATISTICS]
    return lambda keep: sum(sizes.of(name, keep) for name in names)


def kept_channels(channels: Channels) -> Measure:
    """Channels left in all groups together; those that cannot go do not count."""
    return lambda keep: int(channels.group_sizes(keep).sum())


def macs(network: nn.Cell, channels: Channels, height: int = 512, width: int = 512) -> Measure:
    """Deployed MACs for one image of `height` x `width` pixels."""
    sizes = Sizes(network, channels)
    uses = weight_uses(deployed_and_training(network, height, width)[0])
    return lambda keep: sum(times * sizes.of(name, keep) for name, times in uses.items())
