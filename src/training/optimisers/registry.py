"""The table of optimisers, and the groups of parameters that all of them get."""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import mindspore as ms
from mindspore import nn

from ...common.errors import ConfigError
from ...common.text import nearest
from ...config.sections import OptimiserSection

Groups = list[dict[str, Any]]  # MindSpore's: "params" and "weight_decay" of each group
Maker = Callable[[Groups, OptimiserSection], nn.Optimizer]
UNSET_RATE = 0.0  # of a new optimiser: every step sets its own
_OPTIMISERS: dict[str, Maker] = {}


def register(name: str) -> Callable[[Maker], Maker]:
    """Decorator: make a function from groups of parameters and settings known under a name."""

    def add(maker: Maker) -> Maker:
        _OPTIMISERS[name] = maker
        return maker

    return add


def find_optimiser(name: str) -> Maker:
    """What makes the optimiser of that name; ConfigError with the nearest name for an unknown one."""
    if name not in _OPTIMISERS:
        raise ConfigError(f"`optimizer` cannot be {name!r}.{nearest(name, _OPTIMISERS)}")
    return _OPTIMISERS[name]


def build_optimizer(
    parameters: Sequence[ms.Parameter], settings: OptimiserSection, undecayed: Collection[str] = ()
) -> nn.Optimizer:
    """The optimiser that the settings name.

    Weight decay acts on convolution and dense weights alone, and not on those named in `undecayed`.
    """
    decayed = [p for p in parameters if p.ndim > 1 and p.name not in undecayed]
    others = [p for p in parameters if p.ndim <= 1 or p.name in undecayed]
    groups = [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return find_optimiser(settings.optimizer)([group for group in groups if group["params"]], settings)
