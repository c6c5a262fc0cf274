"""The one table of activations: how each part of the program computes what a spec names.

Layers, the native CPU operators and the export to ONNX all read this table. To add an activation, call
`register_activation`; nothing else has to change.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..common.errors import NetworkError
from ..common.text import nearest

if TYPE_CHECKING:
    from mindspore import nn

LEAKY_SLOPE = 0.01  # PyTorch's default


class OnnxWriter(Protocol):
    """What an activation needs of a growing ONNX graph (see `src.deploy.onnx_graph.OnnxGraph`)."""

    def op(self, kind: str, inputs: list[str], name: str, **attributes: Any) -> str:
        """Add an operator; returns the name of its output."""

    def constant(self, name: str, value: np.ndarray) -> str:
        """Add a constant; returns its name."""


@dataclass(frozen=True)
class Activation:
    """How one activation is computed, number by number, on a map of any size and layout.

    Attributes:
        cell: makes MindSpore's cell; MindSpore is imported when it is called.
        onnx: writes it as ONNX: (graph, name of the input, name for the node) -> name of the output.
        native: its number in `src/backend/cpu_ops/native/norm.hpp`. None: the native norm does without, and the
            cell follows it.
    """

    name: str
    cell: Callable[[], "nn.Cell"]
    onnx: Callable[[OnnxWriter, str, str], str]
    native: int | None = None


_ACTIVATIONS: dict[str, Activation] = {}


def register_activation(activation: Activation) -> Activation:
    """Add an activation to the table; NetworkError where its name is taken by another one."""
    if _ACTIVATIONS.setdefault(activation.name, activation) != activation:
        raise NetworkError(f"There is an activation `{activation.name}` already. Give yours another name.")
    return activation


def find_activation(name: str) -> Activation:
    """The activation of that name; NetworkError with the nearest name where there is none."""
    if name not in _ACTIVATIONS:
        raise NetworkError(f"There is no activation {name!r}.{nearest(name, _ACTIVATIONS)}")
    return _ACTIVATIONS[name]


def activations() -> tuple[str, ...]:
    """Names of all activations."""
    return tuple(_ACTIVATIONS)


def _mindspore(kind: str, **settings: float) -> Callable[[], "nn.Cell"]:
    def make() -> "nn.Cell":
        from mindspore import nn

        return getattr(nn, kind)(**settings)

    return make


def _operator(kind: str, **attributes: float) -> Callable[[OnnxWriter, str, str], str]:
    return lambda graph, x, name: graph.op(kind, [x], name, **attributes)


def _relu6(graph: OnnxWriter, x: str, name: str) -> str:
    bounds = [graph.constant("zero", np.array(0, np.float32)), graph.constant("six", np.array(6, np.float32))]
    return graph.op("Clip", [x, *bounds], name)


def _silu(graph: OnnxWriter, x: str, name: str) -> str:
    return graph.op("Mul", [x, graph.op("Sigmoid", [x], f"{name}/sigmoid")], name)


register_activation(Activation("none", _mindspore("Identity"), lambda graph, x, name: x, native=0))
register_activation(Activation("relu", _mindspore("ReLU"), _operator("Relu"), native=1))
register_activation(Activation("relu6", _mindspore("ReLU6"), _relu6, native=2))
register_activation(Activation("hswish", _mindspore("HSwish"), _operator("HardSwish")))
register_activation(
    Activation("leaky_relu", _mindspore("LeakyReLU", alpha=LEAKY_SLOPE), _operator("LeakyRelu", alpha=LEAKY_SLOPE))
)
register_activation(Activation("silu", _mindspore("SiLU"), _silu))
