"""Flip test-time augmentation: the mean over an image and its mirror image."""

import numpy as np

from .base import Predictor


class FlipTTA(Predictor):
    """A predictor whose matte is the mean over an image and its mirror image, mirrored back.

    Where a network is unsure of a place, its two mattes often disagree, and their mean errs less than either. The
    network's time doubles.
    """

    def __init__(self, predictor: Predictor) -> None:
        super().__init__(predictor.preprocess, predictor.form)
        self.on_cpu, self.predictor = predictor.on_cpu, predictor

    def run(self, x: np.ndarray) -> np.ndarray:
        """See `Predictor.run`."""
        width = 2 if self.form.layout == "NHWC" else 3
        mirrored = self.predictor.run(np.ascontiguousarray(np.flip(x, width)))
        return 0.5 * (self.predictor.run(x) + mirrored[..., ::-1])
