"""What a network is trained for: the parts of its loss, found by the network's name in the spec."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.errors import ConfigError
from ..common.text import nearest
from ..config.sections import LossSection


@dataclass(frozen=True)
class Objective:
    """The parts of a network's training loss.

    Attributes:
        names: of the parts, as logs show them.
        losses: (the network's outputs, image, trimap, alpha, *teacher outputs) -> the parts, already weighted; training
            minimises their sum.
        facts: all that decides what `losses` computes beside this package's sources and the shapes of its inputs. A
            graph that is kept over processes is known by them and by the function's name.
        decay_depthwise: whether weight decay acts on depthwise kernels too.
        cells: networks that the losses use beside the trained one.
        teacher_outputs: what `losses` gets beside the batch, made from its images [N, 3, H, W] before the step; None
            for nothing.
    """

    names: tuple[str, ...]
    losses: Callable[..., tuple[ms.Tensor, ...]]
    facts: tuple[Any, ...] = ()
    decay_depthwise: bool = True
    cells: tuple[nn.Cell, ...] = ()
    teacher_outputs: Callable[[np.ndarray], Sequence[np.ndarray]] | None = None


Maker = Callable[[LossSection], Objective]
_OBJECTIVES: dict[str, Maker] = {}


def register(network: str) -> Callable[[Maker], Maker]:
    """Decorator: what a function makes of the weights of a configuration is the objective of networks of that name."""

    def add(maker: Maker) -> Maker:
        _OBJECTIVES[network] = maker
        return maker

    return add


def objective_of(network: str, loss: LossSection) -> Objective:
    """The objective of the network of that name; ConfigError where it has none."""
    if network not in _OBJECTIVES:
        raise ConfigError(f"Nothing says what a network `{network}` is trained for.{nearest(network, _OBJECTIVES)}")
    return _OBJECTIVES[network](loss)
