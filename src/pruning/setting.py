"""A network about to be pruned, as the strategies see it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from .plan import Limits, select

if TYPE_CHECKING:
    from .groups import Channels

Weights = Mapping[str, np.ndarray]  # all parameters by name, float32
Form = Callable[["Channels", np.ndarray, np.ndarray], np.ndarray]  # (channels, scores, counts) -> mask, as `select`


@dataclass(frozen=True)
class Setting:
    """A network about to be pruned.

    Attributes:
        channels: all of its channels, with the groups that they form.
        weights: its parameters.
        scores: importance of every channel, float64 [channels.count], see `src.pruning.importances`.
        limits: bounds of every group's width.
        form: what brings lawful counts to a form that the widths must have, as a mask; None: they need none.
    """

    channels: "Channels"
    weights: Weights
    scores: np.ndarray
    limits: Limits = field(default_factory=Limits)
    form: Form | None = None

    @property
    def sizes(self) -> np.ndarray:
        """Channels of each group before pruning, int [groups]."""
        return np.array([len(group) for group in self.channels.groups])

    def keep(self, counts: np.ndarray) -> np.ndarray:
        """Mask of the best channels, bool [channels.count], with each group's count within the limits and the form."""
        lawful = self.limits.apply(np.asarray(counts), self.sizes)
        return (self.form or select)(self.channels, self.scores, lawful)
