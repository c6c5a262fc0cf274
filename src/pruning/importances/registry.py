"""What an importance has to say of itself, and the registry of those that are known."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...common.checks import check_choice
from ...common.errors import ConfigError
from ..setting import Weights

if TYPE_CHECKING:
    import mindspore as ms
    from mindspore import nn

    from ..calibration import Batch
    from ..groups import Channels

# (the network's outputs in training, image, trimap, alpha) -> the parts of its training loss
Losses = Callable[..., "tuple[ms.Tensor, ...]"]


@dataclass(frozen=True)
class Subject:
    """What an importance may look at.

    Attributes:
        network: the network about to be pruned; nothing in it may change.
        channels: all of its channels.
        weights: its parameters.
        gather: "mean" or "sum" of a channel's scores over the layers that make it, see `gathering.py`.
        labelled: gives batches of the training set and the losses on them; ConfigError where no set is named. For an
            importance that is registered as `labelled` alone.
    """

    network: "nn.Cell"
    channels: "Channels"
    weights: Weights
    gather: str
    labelled: Callable[[], tuple[Iterable["Batch"], Losses]]


@dataclass(frozen=True)
class Importance:
    """A way to tell channels that matter from others.

    Attributes:
        name: on the command line.
        summary: a few words for --help.
        scores: (subject) -> float64 [channels.count], at least 0; every group has mean 1, or with `gather` "sum" the
            number of layers that make its channels.
        labelled: whether it needs batches with alphas from the training set.
    """

    name: str
    summary: str
    scores: Callable[[Subject], np.ndarray]
    labelled: bool = False


_IMPORTANCES: dict[str, Importance] = {}


def register(importance: Importance) -> Importance:
    """Make an importance known by its name; ConfigError where the name is taken by another one."""
    if _IMPORTANCES.setdefault(importance.name, importance) is not importance:
        raise ConfigError(f"There is an importance `{importance.name}` already. Give yours another name.")
    return importance


def importances() -> tuple[Importance, ...]:
    """All known importances, in the order of their registration."""
    return tuple(_IMPORTANCES.values())


def importance_names() -> tuple[str, ...]:
    """Names of all known importances, as the command line takes them."""
    return tuple(_IMPORTANCES)


def find_importance(name: str) -> Importance:
    """The importance of that name; ConfigError with the nearest name where there is none."""
    check_choice("importance", name, importance_names())
    return _IMPORTANCES[name]
