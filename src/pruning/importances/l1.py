"""Sum of magnitudes of filters.

Source: Li et al. 2017, "Pruning filters for efficient ConvNets".
"""

from typing import TYPE_CHECKING

import numpy as np

from ..setting import Weights
from .gathering import filter_rows, gather_filters
from .registry import Importance, register

if TYPE_CHECKING:
    from ..groups import Channels


def filter_l1(weight: np.ndarray, axis: int = 0) -> np.ndarray:
    """Sum of magnitudes of each filter of a weight (any shape), float64 [filters]; filters lie along `axis`."""
    return np.abs(filter_rows(weight, axis)).sum(axis=1)


def l1(weights: Weights, channels: "Channels", gather: str = "mean") -> np.ndarray:
    """Sum of magnitudes of the filters that make each channel, gathered; float64 [channels.count], >= 0."""
    return gather_filters(channels, lambda layer, weight: filter_l1(weight), weights, gather)


register(
    Importance("l1", "sum of magnitudes", lambda subject: l1(subject.weights, subject.channels, subject.gather)),
)
