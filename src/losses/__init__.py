"""Training losses of the networks."""

from .distillation import distilled
from .mmnet import mmnet_losses
from .modnet import blur3x3, modnet_losses
from .objective import Objective, objective_of
from .soc import soc_losses, soc_objective

__all__ = [
    "Objective",
    "blur3x3",
    "distilled",
    "mmnet_losses",
    "modnet_losses",
    "objective_of",
    "soc_losses",
    "soc_objective",
]
