"""Training losses of the networks, as functions of tensors, and the objectives that they make up.

Start with `modnet.py`, then `objective.py`. A network's objective is one file that registers itself: every file of this
folder is imported here. May import `models` and everything below it.
"""

from importlib import import_module
from pkgutil import iter_modules

from .distillation import distilled
from .mmnet import mmnet_losses
from .modnet import blur3x3, modnet_losses
from .objective import Objective, objective_of, register
from .soc import soc_losses, soc_objective

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = [
    "Objective",
    "blur3x3",
    "distilled",
    "mmnet_losses",
    "modnet_losses",
    "objective_of",
    "register",
    "soc_losses",
    "soc_objective",
]
