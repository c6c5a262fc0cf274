"""From scores of filters to scores of channels.

A layer's filters are scored, divided by the layer's mean, and gathered over all layers that make the channel: the
members of a residual sum, a convolution and the depthwise one behind it. With `gather="mean"` every group's scores
have mean 1, so that a ranking over the whole network compares channels with their own group. With "sum" they have the
number of layers as their mean, so that the channels of groups with many layers weigh more.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from ..setting import Weights

if TYPE_CHECKING:
    from ..groups import Channels

GATHERINGS = ("mean", "sum")
FilterScore = Callable[[str, np.ndarray], np.ndarray]  # (layer, its weight) -> scores of its filters, [filters]


def filter_rows(weight: np.ndarray, axis: int = 0) -> np.ndarray:
    """The numbers of each filter of a weight (any shape), float64 [filters, numbers]; filters lie along `axis`."""
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)


def gather_filters(channels: "Channels", score: FilterScore, weights: Weights, gather: str) -> np.ndarray:
    """Scores of all channels from those of the filters that make them, float64 [channels.count]."""
    total = np.zeros(channels.count)
    for layer, axis in channels.filters.items():
        total[axis.channels] += unit_mean(score(layer, weights[axis.parameter]))
    return total if gather == "sum" else by_group(channels, total / np.maximum(makers(channels), 1))


def makers(channels: "Channels") -> np.ndarray:
    """Number of layers that make each channel, int [channels.count]; 0 for the image's."""
    return np.bincount(np.concatenate([axis.channels for axis in channels.filters.values()]), minlength=channels.count)


def by_group(channels: "Channels", scores: np.ndarray) -> np.ndarray:
    """Scores, float64 [channels.count], divided by the mean of their group."""
    result = scores.copy()
    for group in channels.groups:
        result[group.channels] = unit_mean(scores[group.channels])
    return result


def unit_mean(scores: np.ndarray) -> np.ndarray:
    """Scores, float64 of any shape, divided by their mean; ones where that is 0: nothing then tells them apart."""
    mean = scores.mean() if scores.size else 0.0
    return scores / mean if mean > 0 else np.ones_like(scores)
