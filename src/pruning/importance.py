"""How much each channel matters: one score a channel, comparable between the layers and groups of a network.

A layer's filters are scored, divided by the layer's mean, and gathered over all layers that make the channel: the
members of a residual sum, a convolution and the depthwise one behind it. With `gather="mean"` every group's scores
have mean 1, so that a ranking over the whole network compares channels with their own group; with "sum" they have the
number of layers as their mean, so that the channels of groups with many layers weigh more.
"""

from collections.abc import Callable, Mapping

import numpy as np
from mindspore import nn

from ..models.graph import Graph
from ..models.layers import NormAct
from .groups import Channels

Weights = Mapping[str, np.ndarray]
GATHERINGS = ("mean", "sum")


def filter_l1(weight: np.ndarray, axis: int = 0) -> np.ndarray:
    """Sum of magnitudes of each filter, float64 [filters].

    Source: Li et al. 2017, "Pruning filters for efficient ConvNets".
    """
    return np.abs(_rows(weight, axis)).sum(axis=1)


def filter_l2(weight: np.ndarray, axis: int = 0) -> np.ndarray:
    """Euclidean length of each filter, float64 [filters]."""
    return np.sqrt(np.square(_rows(weight, axis)).sum(axis=1))


def _rows(weight: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(np.float64)


def l1(weights: Weights, channels: Channels, gather: str = "mean") -> np.ndarray:
    """Sum of magnitudes of the filters that make each channel, gathered as above; float64 [channels.count], >= 0."""
    return _of_filters(channels, lambda layer, weight: filter_l1(weight), weights, gather)


def l2(weights: Weights, channels: Channels, gather: str = "mean") -> np.ndarray:
    """Euclidean length of the filters that make each channel, gathered as above; float64 [channels.count], >= 0."""
    return _of_filters(channels, lambda layer, weight: filter_l2(weight), weights, gather)


def bn_scale(weights: Weights, channels: Channels, gather: str = "mean") -> np.ndarray:
    """L1 x |gamma| / sigma: the filter as it is once its batch norm is folded in.

    It does not change when filters are scaled and their norms compensate, which plain L1 does. Instance norm has no
    gamma and its sigma is the image's: of an IBNorm each half is scored by itself, with mean 1.
    """
    norms = _norms_behind(channels.graph)

    def score(layer: str, weight: np.ndarray) -> np.ndarray:
        plain = filter_l1(weight)
        if layer not in norms:
            return plain
        name, cell = norms[layer]
        if cell.bn:
            variance = weights[f"{name}.bnorm.moving_variance"].astype(np.float64)
            plain[: cell.bn] *= np.abs(weights[f"{name}.bnorm.gamma"]) / np.sqrt(variance + cell.bnorm.eps)
        return np.concatenate([unit_mean(half) for half in (plain[: cell.bn], plain[cell.bn :])])

    return _of_filters(channels, score, weights, gather)


def _norms_behind(graph: Graph) -> dict[str, tuple[str, NormAct]]:
    """Convolution's name -> the norm that follows it."""
    return {graph.nodes[node.inputs[0]].name: (node.name, node.cell) for node in graph if _is_norm(node.cell)}


def _is_norm(cell: nn.Cell | None) -> bool:
    return isinstance(cell, NormAct)


def _of_filters(
    channels: Channels, score: Callable[[str, np.ndarray], np.ndarray], weights: Weights, gather: str
) -> np.ndarray:
    total = np.zeros(channels.count)
    for layer, axis in channels.filters.items():
        total[axis.channels] += unit_mean(score(layer, weights[axis.parameter]))
    return total if gather == "sum" else by_group(channels, total / np.maximum(makers(channels), 1))


def makers(channels: Channels) -> np.ndarray:
    """Number of layers that make each channel, int [channels.count]; 0 for the image's."""
    return np.bincount(np.concatenate([axis.channels for axis in channels.filters.values()]), minlength=channels.count)


def by_group(channels: Channels, scores: np.ndarray) -> np.ndarray:
    """Scores divided by the mean of their group."""
    result = scores.copy()
    for group in channels.groups:
        result[group.channels] = unit_mean(scores[group.channels])
    return result


def unit_mean(scores: np.ndarray) -> np.ndarray:
    """Scores divided by their mean; ones where that is 0, since nothing then tells them apart."""
    mean = scores.mean() if scores.size else 0.0
    return scores / mean if mean > 0 else np.ones_like(scores)


# First-order Taylor scores need data: src/pruning/taylor.py.
OF_WEIGHTS: dict[str, Callable[..., np.ndarray]] = {"l1": l1, "l2": l2, "bn": bn_scale}
IMPORTANCES = (*OF_WEIGHTS, "taylor")
