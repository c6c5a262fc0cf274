"""MindSpore behind the Predictor interface."""

from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from src.checkpoint import Meta, load_network
from src.runtime.base import Predictor
from src.spec import Preprocess


class MindSporePredictor(Predictor):
    """A network in inference mode, run eagerly: pictures of any size, no compilation."""

    def __init__(self, network: nn.Cell, preprocess: Preprocess) -> None:
        super().__init__(preprocess)
        self.network = network

    def run(self, x: np.ndarray) -> np.ndarray:
        return self.network(ms.Tensor(x)).asnumpy()

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> tuple["MindSporePredictor", Meta]:
        network, meta = load_network(path)
        return cls(network, meta.preprocess), meta
