"""Pruning's reference, without the pruning code's knowledge of who reads what: maps are masked where they are made."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import nn

from src.models import maps
from src.models.layers import NormAct, SqueezeExcite
from src.models.norms import frozen_statistics
from src.pruning.groups import Channels


def outputs(network: nn.Cell, image: np.ndarray) -> list[np.ndarray]:
    """Semantic, detail and matte with the statistics of inference."""
    with frozen_statistics(network):
        return [output.asnumpy() for output in network(ms.Tensor(image))]


@dataclass
class Masked:
    """A network whose norms' outputs are multiplied by masks, and whose gate loses hidden channels."""

    network: nn.Cell
    channels: Channels

    def outputs(self, keep: np.ndarray, image: np.ndarray) -> list[np.ndarray]:
        with self.masks(keep):
            return outputs(self.network, image)

    @contextmanager
    def masks(self, keep: np.ndarray) -> Iterator[None]:
        hooks, gates = [], []
        for name, cell in self.network.cells_and_names():
            if isinstance(cell, NormAct):
                hooks.append(cell.register_forward_hook(self._mask(keep[self.channels.norms[name]])))
            if isinstance(cell, SqueezeExcite):
                weight = cell.fc1.weight
                gates.append((weight, weight.asnumpy().copy()))
                weight.set_data(ms.Tensor(gates[-1][1] * keep[self.channels.hidden[name]][:, None]))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()
            for weight, value in gates:
                weight.set_data(ms.Tensor(value))

    @staticmethod
    def _mask(kept: np.ndarray) -> Callable:
        mask = ms.Tensor(kept.astype(np.float32).reshape((-1,) if maps.native_layout() else (-1, 1, 1)))
        return lambda cell, inputs, output: output * mask
