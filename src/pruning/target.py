"""The upper bound that a pruned network's cost may be asked to meet."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..common.errors import ConfigError
from ..common.sizes import parse_size, show_size

Measure = Callable[[np.ndarray], float]  # mask of the channels that stay, bool [channels] -> cost
MEASURED_SIZE = (512, 512)
_UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "ms": 1.0}
_TARGET = re.compile(r"(?P<kind>macs|params|latency)=(?P<value>\d+(?:\.\d+)?)(?P<unit>[KMG]|ms)?(?:@(?P<size>\S+))?")


@dataclass(frozen=True)
class Target:
    """Upper bound of a pruned network's cost.

    Attributes:
        kind: "macs", "params", "latency" (in ms) or "channels".
        value: the bound, in single operations, parameters, milliseconds or channels.
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
        if match["kind"] == "params" and match["size"]:
            raise ConfigError(f"The target {text!r} names a size, which parameters do not depend on. Leave it out.")
        size = _size(text, match["size"]) if match["size"] else MEASURED_SIZE
        return cls(match["kind"], float(match["value"]) * _UNITS[match["unit"] or ""], size)

    def format(self, value: float) -> str:
        """A cost in the target's unit: '2.413 G MACs at 512x512' (height x width)."""
        if self.kind == "channels":
            return f"{value:.0f} channels"
        if self.kind == "latency":
            return f"{value:.2f} ms at {show_size(self.size)}"
        unit = "G" if value >= 1e9 else "M" if value >= 1e6 else "K"
        of = f"MACs at {show_size(self.size)}" if self.kind == "macs" else "parameters"
        return f"{value / _UNITS[unit]:.4g} {unit} {of}"


def _size(target: str, text: str) -> tuple[int, int]:
    try:
        size = parse_size(text)
    except ConfigError as error:
        raise ConfigError(f"The size in the target {target!r} cannot be read. {error}") from error
    if any(side % 32 for side in size):
        raise ConfigError(f"The size in the target {target!r} has to be of multiples of 32, such as 512x512.")
    return size
