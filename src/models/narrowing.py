"""What pruning has to know of each network class: its parts, and how narrower layers become a spec again.

A network registers its `Narrowing` in its own file, with `register_narrowing`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mindspore import nn

from ..common.errors import NetworkError
from ..spec.blocks import Norm
from ..spec.serialisation import NetworkSpec
from .layers import NormAct, SqueezeExcite


@dataclass(frozen=True)
class Kept:
    """What is left of a network's layers: of a norm's two kinds of channels, and of a gate's hidden layer."""

    norm: Callable[[NormAct], Norm]
    hidden: Callable[[SqueezeExcite], int]


@dataclass(frozen=True)
class Narrowing:
    """How a network of one class becomes narrower.

    Attributes:
        parts: the network's direct cells -> the part that they belong to.
        spec: the narrower spec of a network. Whatever has no width (strides, kernels, shortcuts) stays.
    """

    parts: dict[str, str]
    spec: Callable[[Any, Kept], NetworkSpec]  # takes the class that it is registered for


NARROWINGS: dict[type, Narrowing] = {}


def register_narrowing(kind: type[nn.Cell], narrowing: Narrowing) -> None:
    """Make networks of a class known to pruning."""
    NARROWINGS[kind] = narrowing


def narrowing_of(network: nn.Cell) -> Narrowing:
    """The entry of a network's class; NetworkError where there is none."""
    if type(network) not in NARROWINGS:
        raise NetworkError(
            f"A {type(network).__name__} cannot be pruned: nothing says how its narrower layers become a spec. "
            "Call register_narrowing (src/models/narrowing.py) in the network's file."
        )
    return NARROWINGS[type(network)]


def part_of(network: nn.Cell, layer: str) -> str:
    """The part that a layer belongs to by its name."""
    first = layer.partition(".")[0]
    return narrowing_of(network).parts.get(first, first)
