"""How steady the mattes of a video are: dtSSD where the truth is known, and flicker where nothing moves.

Source: dtSSD of Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015, in the scale that
video matting papers print since (root of the mean over the pixels of a frame, times 100).
"""

import math
from collections.abc import Iterable

import cv2
import numpy as np

from src.errors import DataError


class TemporalError:
    """dtSSD of a stream of frames: 100 * sqrt(mean over pixels of (d alpha - d truth)^2), mean over the transitions.

    d is the change since the frame before. Without a truth the scene is taken to stand still (d truth = 0): the
    score is then what flickers, and 0 for a matte that never changes; whatever moves counts too.
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._sum, self._transitions = 0.0, 0

    def add(self, alpha: np.ndarray, truth: np.ndarray | None = None) -> None:
        """Take the next frame.

        Args:
            alpha: float32 [H, W] in [0, 1], of one size for all frames.
            truth: the true alpha, alike; for all frames or none.
        """
        error = alpha if truth is None else alpha - truth
        if self._before is not None:
            if error.shape != self._before.shape:
                raise DataError(
                    f"The frames of a video must be of one size; {error.shape} follows {self._before.shape}."
                )
            self._sum += 100 * cv2.norm(error, self._before, cv2.NORM_L2) / math.sqrt(error.size)
            self._transitions += 1
        self._before = error

    @property
    def score(self) -> float:
        """The mean so far; 0 with fewer than two frames."""
        return self._sum / self._transitions if self._transitions else 0.0


def dtssd(alphas: Iterable[np.ndarray], truths: Iterable[np.ndarray]) -> float:
    """dtSSD of a video's mattes against the true alphas, each float32 [H, W] in [0, 1]; see `TemporalError`."""
    error = TemporalError()
    for alpha, truth in zip(alphas, truths, strict=True):
        error.add(alpha, truth)
    return error.score


def still_flicker(alphas: Iterable[np.ndarray]) -> float:
    """Flicker of the mattes of a scene that stands still, with no truth: dtSSD against a truth that never changes."""
    error = TemporalError()
    for alpha in alphas:
        error.add(alpha)
    return error.score
