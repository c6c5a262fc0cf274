"""What every runtime offers: a picture in, a matte of the same size out."""

from abc import ABC, abstractmethod

import numpy as np

from src.imaging import to_input, to_matte
from src.spec import Preprocess


class Predictor(ABC):
    """A network on some runtime, with the one pre- and post-processing of the project round it."""

    def __init__(self, preprocess: Preprocess) -> None:
        self.preprocess = preprocess

    @abstractmethod
    def run(self, x: np.ndarray) -> np.ndarray:
        """Network input float32 [N, 3, h, w] -> matte [N, 1, h, w] in [0, 1]."""

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Picture uint8 RGB [H, W, 3] -> matte float32 [H, W] in [0, 1]."""
        return to_matte(self.run(to_input(image, self.preprocess)), *image.shape[:2])
