"""What a plan would cost, without building its network; and the targets that a plan may be asked to meet."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mindspore import nn

from ..common.errors import ConfigError
from ..models.costs import STATISTICS, deployed_and_training, weight_uses
from .groups import Channels

Measure = Callable[[np.ndarray], float]  # mask of the channels that stay -> cost
MEASURED_SIZE = (512, 512)


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


@dataclass(frozen=True)
class Target:
    """Upper bound of a pruned network's cost.

    Attributes:
        kind: "macs", "params", "latency" (in ms) or "channels".
        size: (height, width) of the image that MACs and latency are of.
    """

    kind: str
    value: float
    size: tuple[int, int] = MEASURED_SIZE

    @classmethod
    def parse(cls, text: str) -> "Target":
        """From `macs=3.0G`, `params=1.2M` or `latency=20ms@512x288` (height x width); ConfigError for other text."""
        match = _TARGET.fullmatch(text.strip())
        timed = match is not None and match["kind"] == "latency"
        if not match or float(match["value"]) <= 0 or timed != (match["unit"] == "ms"):
            raise ConfigError(
                f"The target {text!r} cannot be read. Expected is one of macs=3.0G, params=1.2M, latency=20ms@512x512, "
                "with a number above 0."
            )
        if match["kind"] == "params" and match["height"]:
            raise ConfigError(f"The target {text!r} names a size, which parameters do not depend on. Leave it out.")
        size = (int(match["height"]), int(match["width"])) if match["width"] else MEASURED_SIZE
        if any(side % 32 or not side for side in size):
            raise ConfigError(f"The size in the target {text!r} has to be of multiples of 32, such as 512x512.")
        return cls(match["kind"], float(match["value"]) * _UNITS[match["unit"] or ""], size)

    def format(self, value: float) -> str:
        """A cost in the target's unit: '2.413 G MACs at 512x512' (height x width)."""
        at = f" at {self.size[0]}x{self.size[1]}"
        if self.kind == "latency":
            return f"{value:.2f} ms{at}"
        if self.kind == "channels":
            return f"{value:.0f} channels"
        unit = "G" if value >= 1e9 else "M" if value >= 1e6 else "K"
        return f"{value / _UNITS[unit]:.4g} {unit} {f'MACs{at}' if self.kind == 'macs' else 'parameters'}"


_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "ms": 1.0}
_TARGET = re.compile(
    r"(?P<kind>macs|params|latency)=(?P<value>\d+(?:\.\d+)?)(?P<unit>[KMG]|ms)?(?:@(?P<height>\d+)x(?P<width>\d+))?"
)
