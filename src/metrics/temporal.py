"""How steady the mattes of a video are.

Source: dtSSD of Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015, in the scale that
video matting papers print since (root of the mean over the pixels of a frame, times 100).
"""

import math

import cv2
import numpy as np

from ..common.errors import DataError


class TemporalError:
    """dtSSD of a stream of frames: 100 * sqrt(mean over pixels of (d alpha - d truth)^2), mean over the transitions.

    d is the change since the frame before. The scene is taken to stand still (d truth = 0): the score is what
    flickers, and 0 for a matte that never changes; whatever moves counts too. Where the truth is known, hand over
    alpha - truth in place of alpha.
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._sum, self._transitions = 0.0, 0

    def add(self, alpha: np.ndarray) -> None:
        """Take the next frame, float32 [H, W] in [0, 1]; DataError where its size is not that of the frame before."""
        if self._before is not None:
            if alpha.shape != self._before.shape:
                raise DataError(
                    f"The frames of a video must be of one size; {alpha.shape} follows {self._before.shape}."
                )
            self._sum += 100 * cv2.norm(alpha, self._before, cv2.NORM_L2) / math.sqrt(alpha.size)
            self._transitions += 1
        self._before = alpha

    @property
    def score(self) -> float:
        """The mean so far; 0 with fewer than two frames."""
        return self._sum / self._transitions if self._transitions else 0.0
