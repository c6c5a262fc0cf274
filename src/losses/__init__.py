"""Training losses of the networks."""

from src.losses.distillation import distilled
from src.losses.mmnet import mmnet_losses
from src.losses.modnet import blur3x3, modnet_losses
from src.losses.objective import Objective, objective_of
from src.losses.soc import soc_losses, soc_objective

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
