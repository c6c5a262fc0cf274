"""The data flow of a network, read from its own cells: which layer feeds which, and the shape of every map.

Pruning, counting and export all work on this graph, so a network is described once, by its `construct`. A layer is
a cell with `out_shape`; all other cells are only walked through.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest import mock

from mindspore import nn

from ..common.errors import NetworkError
from .maps import MapShape


class ImageInput(nn.Cell):
    """Stands for the image in a graph, as the layer that makes it; computes nothing."""


@dataclass(frozen=True)
class Node:
    """One layer's output map.

    Attributes:
        name: the cell's name in the network, as in its parameters' names; "input" for the image.
        cell: the layer; an `ImageInput` for the image.
        inputs: indices of the nodes that feed it, in the order of the cell's arguments.
        shape: channels, height and width of its output.
    """

    index: int
    name: str
    cell: nn.Cell
    inputs: tuple[int, ...]
    shape: MapShape


@dataclass(frozen=True)
class Graph:
    """Nodes in the order of computation (0 is the image), and the indices of those that the network returns."""

    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    def consumers(self, index: int) -> list[Node]:
        """The layers that take the output of a node."""
        return [node for node in self.nodes if index in node.inputs]

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)


def trace(network: nn.Cell, height: int = 512, width: int = 512) -> Graph:
    """The graph of a network for one RGB image of `height` x `width` pixels (multiples of 32).

    In training mode the heads that only training needs are part of it. Nothing is computed. Raises NetworkError
    where a cell's `construct` does more than call layers.
    """
    tracer = _Tracer(network)
    image = tracer.add("input", ImageInput(), (), (3, height, width))
    with tracer.recording():
        outputs = network(image)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    return Graph(tuple(tracer.nodes), tuple(symbol.index for symbol in outputs))


@dataclass(frozen=True)
class _Symbol:
    """What stands for a tensor while a network is traced."""

    index: int
    shape: tuple[int, int, int, int]


class _Tracer:
    def __init__(self, network: nn.Cell) -> None:
        self.names = {id(cell): name for name, cell in network.cells_and_names()}
        self.nodes: list[Node] = []

    def add(self, name: str, cell: nn.Cell, inputs: tuple[_Symbol, ...], shape: MapShape) -> _Symbol:
        node = Node(len(self.nodes), name, cell, tuple(symbol.index for symbol in inputs), shape)
        self.nodes.append(node)
        return _Symbol(node.index, (1, *shape))

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Within, calling a layer adds a node, and calling any other cell runs its `construct` as plain Python."""

        def call(cell: nn.Cell, *args: _Symbol) -> Any:
            name = self.names.get(id(cell), type(cell).__name__)
            if hasattr(cell, "out_shape"):
                return self.add(name, cell, args, cell.out_shape(*(symbol.shape[1:] for symbol in args)))
            if type(cell).__module__.startswith("mindspore.") and not isinstance(cell, nn.SequentialCell):
                raise NetworkError(_unknown(name, cell, "is no layer of this project"))
            try:
                return cell.construct(*args)
            except (AttributeError, TypeError) as error:
                raise NetworkError(_unknown(name, cell, f"computes in its construct ({error})")) from error

        with mock.patch.object(nn.Cell, "__call__", call):
            yield


def _unknown(name: str, cell: nn.Cell, why: str) -> str:
    return (
        f"The data flow of '{name}' ({type(cell).__name__}) cannot be read: it {why}. Build it from the layers of "
        "src/models/layers.py, or give the cell an out_shape method and teach its users (pruning, export) its rule."
    )
