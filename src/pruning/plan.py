"""From how many channels each group keeps to which ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import ConfigError, NetworkError

if TYPE_CHECKING:
    from .groups import Channels


@dataclass(frozen=True)
class Limits:
    """Bounds of every group's width.

    Attributes:
        min_channels: a group keeps at least so many (all of them, if it has fewer).
        multiple: widths are rounded to the nearest multiple of this; processors like 8 or 16.
    """

    min_channels: int = 1
    multiple: int = 1

    def __post_init__(self) -> None:
        for name in ("min_channels", "multiple"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    def apply(self, counts: np.ndarray, sizes: np.ndarray) -> np.ndarray:
        """Lawful widths, int [groups], nearest to `counts`; `sizes`, int [groups], are the present ones."""
        rounded = (2 * counts + self.multiple) // (2 * self.multiple) * self.multiple
        least = -(-self.min_channels // self.multiple) * self.multiple
        return np.minimum(np.maximum(rounded, least), sizes)


@dataclass(frozen=True)
class PruningPlan:
    """Which channels stay.

    Attributes:
        keep: bool [channels.count].
        strategy: how that was decided, by its name on the command line.
        settings: the numbers behind it by name.
    """

    keep: np.ndarray
    strategy: str
    settings: dict[str, Any]

    def summary(self) -> str:
        """The strategy with its settings, as a checkpoint tells where it came from."""
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return f"{self.strategy} ({settings})"


def select(channels: "Channels", scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Mask, bool [channels.count], of the `counts[g]` best of each group; of equal scores the first ones stay.

    `scores` are float64 [channels.count], `counts` int [groups].
    """
    keep = np.ones(channels.count, bool)
    for group, count in zip(channels.groups, counts, strict=True):
        keep[lowest(scores, group.channels, count)] = False
    return keep


def lowest(scores: np.ndarray, channels: np.ndarray, count: int) -> np.ndarray:
    """All of some channels, int [n], but the `count` with the best scores; of equal scores the first are the best."""
    return channels[np.argsort(-scores[channels], kind="stable")[count:]]


def fixed_count(size: int, ratio: float) -> int:
    """What stays when a share `ratio` is removed, rounded down (but not because 0.9 has no exact float)."""
    return int((1 - ratio) * size + 1e-9)


def check(channels: "Channels", keep: np.ndarray) -> None:
    """Raise NetworkError where a mask, bool [channels.count], empties a group or drops a channel that must stay."""
    free = np.zeros(channels.count, bool)
    for group in channels.groups:
        free[group.channels] = True
        if not keep[group.channels].any():
            raise NetworkError(f"All {len(group)} channels of '{group.name}' would go. Keep at least one.")
    if not keep[~free].all():
        raise NetworkError("Channels of the image or of the network's outputs would go. They have to stay.")
