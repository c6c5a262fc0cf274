"""Euclidean length of filters."""

from typing import TYPE_CHECKING

import numpy as np

from ..setting import Weights
from .gathering import filter_rows, gather_filters
from .registry import Importance, register

if TYPE_CHECKING:
    from ..groups import Channels


def filter_l2(weight: np.ndarray, axis: int = 0) -> np.ndarray:
    """Euclidean length of each filter of a weight (any shape), float64 [filters]; filters lie along `axis`."""
    return np.sqrt(np.square(filter_rows(weight, axis)).sum(axis=1))


def l2(weights: Weights, channels: "Channels", gather: str = "mean") -> np.ndarray:
    """Euclidean length of the filters that make each channel, gathered; float64 [channels.count], >= 0."""
    return gather_filters(channels, lambda layer, weight: filter_l2(weight), weights, gather)


register(
    Importance("l2", "Euclidean length", lambda subject: l2(subject.weights, subject.channels, subject.gather)),
)
