"""Magnitudes of filters as they are once their batch norm is folded in."""

from typing import TYPE_CHECKING

import numpy as np

from ..setting import Weights
from .gathering import gather_filters, unit_mean
from .l1 import filter_l1
from .registry import Importance, register

if TYPE_CHECKING:
    from ..groups import Channels


def bn_scale(weights: Weights, channels: "Channels", gather: str = "mean") -> np.ndarray:
    """L1 x |gamma| / sigma of the filters that make each channel, gathered; float64 [channels.count], >= 0.

    It does not change when filters are scaled and their norms compensate, which plain L1 does. Instance norm has no
    gamma and its sigma is the image's: of an IBNorm each half is scored by itself, with mean 1.
    """
    norms = channels.norms_behind

    def score(layer: str, weight: np.ndarray) -> np.ndarray:
        plain = filter_l1(weight)
        if layer not in norms:
            return plain
        name, cell = norms[layer]
        if cell.bn:
            variance = weights[f"{name}.bnorm.moving_variance"].astype(np.float64)
            plain[: cell.bn] *= np.abs(weights[f"{name}.bnorm.gamma"]) / np.sqrt(variance + cell.bnorm.eps)
        return np.concatenate([unit_mean(half) for half in (plain[: cell.bn], plain[cell.bn :])])

    return gather_filters(channels, score, weights, gather)


register(
    Importance("bn", "folded batch norm", lambda subject: bn_scale(subject.weights, subject.channels, subject.gather)),
)
