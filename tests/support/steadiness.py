"""How steady whole videos of mattes are, by `src.metrics.temporal`."""

from collections.abc import Iterable

import numpy as np

from src.metrics.temporal import TemporalError


def still_flicker(alphas: Iterable[np.ndarray]) -> float:
    """Flicker of the mattes of a scene that stands still."""
    error = TemporalError()
    for alpha in alphas:
        error.add(alpha)
    return error.score


def dtssd(alphas: Iterable[np.ndarray], truths: Iterable[np.ndarray]) -> float:
    """dtSSD of a video's mattes against the true alphas."""
    return still_flicker(alpha - truth for alpha, truth in zip(alphas, truths, strict=True))
