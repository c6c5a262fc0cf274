"""What each network is trained for, by its name in the spec."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import mindspore as ms
import numpy as np
from mindspore import nn

from ..config.config import Config
from .mmnet import mmnet_losses
from .modnet import modnet_losses


@dataclass(frozen=True)
class Objective:
    """The parts of a network's training loss.

    Attributes:
        names: of the parts, as logs show them.
        losses: (the network's outputs, image, trimap, alpha, *guide) -> the parts, already weighted; training minimises
            their sum. A graph that is kept over processes is known by this function's name, the configuration and our
            sources: nothing else may change what it computes.
        decay_depthwise: whether weight decay acts on depthwise kernels too.
        cells: networks that the losses use beside the trained one.
        guide: what `losses` gets beside the batch, from its images [N, 3, H, W] before the step; None for nothing.
    """

    names: tuple[str, ...]
    losses: Callable[..., tuple[ms.Tensor, ...]]
    decay_depthwise: bool = True
    cells: tuple[nn.Cell, ...] = ()
    teacher_outputs: Callable[[np.ndarray], Sequence[np.ndarray]] | None = None


def _modnet(config: Config) -> Objective:
    scales = config.semantic_scale, config.detail_scale, config.matte_scale

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return modnet_losses(predictions, image, trimap, alpha, scales)

    return Objective(("semantic", "detail", "matte"), losses)


def _mmnet(config: Config) -> Objective:
    names = "alpha", "comp", "grad", "kd", "aux"
    weights = tuple(getattr(config, f"lambda_{name}_loss") for name in names)
    faithful = config.composition == "faithful"

    def losses(
        predictions: tuple[ms.Tensor, ...], image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor
    ) -> tuple[ms.Tensor, ...]:
        return mmnet_losses(predictions, image, alpha, weights, faithful)

    return Objective(names, losses, decay_depthwise=False)


OBJECTIVES = {"modnet": _modnet, "mmnet": _mmnet}


def objective_of(network: str, config: Config) -> Objective:
    """The objective of the network of that name, with the weights that the configuration gives to its parts."""
    return OBJECTIVES[network](config)
