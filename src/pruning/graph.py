"""Which channels a network's layers make and read, from its traced graph.

Every channel of every map gets a number. A layer that makes channels (a convolution) gives new numbers; one that
treats each channel by itself (a depthwise convolution, a norm) hands them on; a sum makes two numbers one. A number
is then a set of coupled channels: all of it is kept or none of it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..common.errors import NetworkError
from ..models.easpp import ScaleFusion
from ..models.graph import Graph, ImageInput, Node
from ..models.layers import Concat, Conv2d, NormAct, SqueezeExcite
from ..models.maps import Downsample, FromLayout, ToLayout, ToMatte


@dataclass(frozen=True)
class Axis:
    """One axis of a parameter: `channels[i]` is the number of the channel that its i-th entry belongs to.

    Attributes:
        parameter: full name.
        axis: number of the axis.
        channels: int [entries].
        role: "filter" where the entries make the channels, "column" where they read them, "value" where there is
            one entry a channel (biases, norms, the gate's rows).
    """

    parameter: str
    axis: int
    channels: np.ndarray
    role: str


@dataclass
class Couplings:
    """What the rules of the layers write down while a graph is walked through.

    Attributes:
        axes: of all parameters that have channels.
        spaces: name of a layer -> the numbers that it made.
        hidden: name of a SqueezeExcite -> the channels of its hidden layer.
        maps: channels of every node's output.
        parents: coupled numbers form a tree; a root is its own parent.
    """

    axes: list[Axis] = field(default_factory=list)
    spaces: dict[str, np.ndarray] = field(default_factory=dict)
    hidden: dict[str, np.ndarray] = field(default_factory=dict)
    maps: list[np.ndarray] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def make(self, name: str, count: int) -> np.ndarray:
        """Give a layer `count` new channels: their numbers, int [count]."""
        first = len(self.parents)
        self.parents += range(first, first + count)
        self.spaces[name] = np.arange(first, first + count)
        return self.spaces[name]

    def tie(self, one: np.ndarray, other: np.ndarray) -> None:
        """Couple channels with one another, one by one; both int [channels]."""
        for a, b in zip(one, other, strict=True):
            a, b = self.root(a), self.root(b)
            self.parents[max(a, b)] = min(a, b)

    def root(self, number: int) -> int:
        """The number that stands for all that are coupled with this one."""
        while self.parents[number] != number:
            number = self.parents[number]
        return int(number)

    def axis(self, node: Node, leaf: str, axis: int, channels: np.ndarray, role: str) -> None:
        """Write down which channels, int [entries], lie along an axis of a layer's parameter."""
        self.axes.append(Axis(f"{node.name}.{leaf}", axis, channels, role))


Rule = Callable[[Couplings, Node, list[np.ndarray]], np.ndarray]
RULES: dict[type, Rule] = {}


def rule(*kinds: type) -> Callable[[Rule], Rule]:
    """Register how layers of these types treat channels: (couplings, node, numbers of each input) -> of the output."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


@rule(ImageInput)
def _image(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return couplings.make(node.name, node.shape[0])


@rule(Conv2d)
def _conv(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    cell, (read,) = node.cell, inputs
    if cell.group == 1:
        made = couplings.make(node.name, cell.out_channels)
        couplings.axis(node, "weight", 1, read, "column")
    elif cell.group == cell.in_channels == cell.out_channels:
        made = read
    else:
        raise NetworkError(
            f"'{node.name}' is a convolution of {cell.in_channels} to {cell.out_channels} channels in {cell.group} "
            "groups: only ordinary and depthwise convolutions can be pruned. Give it a rule in src/pruning/graph.py."
        )
    couplings.axis(node, "weight", 0, made, "filter")
    if cell.has_bias:
        couplings.axis(node, "bias", 0, made, "value")
    return made


@rule(NormAct)
def _norm(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    x, *shortcut = inputs
    for other in shortcut:
        couplings.tie(x, other)
    if node.cell.bn:
        for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
            couplings.axis(node, f"bnorm.{leaf}", 0, x[: node.cell.bn], "value")
    return x


@rule(SqueezeExcite)
def _squeeze_excite(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    (x,) = inputs
    hidden = couplings.make(f"{node.name}.fc1", node.cell.fc1.weight.shape[0])
    couplings.hidden[node.name] = hidden
    couplings.axis(node, "fc1.weight", 0, hidden, "filter")
    couplings.axis(node, "fc1.weight", 1, x, "column")
    couplings.axis(node, "fc2.weight", 0, x, "value")
    couplings.axis(node, "fc2.weight", 1, hidden, "column")
    return x


@rule(Concat)
def _concat(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(inputs)


@rule(ScaleFusion)
def _fuse(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    x, *scales = inputs
    for other in scales:
        couplings.tie(x, other)
    couplings.axis(node, "weight", 1, x, "value")
    return x


@rule(Downsample, ToLayout, FromLayout, ToMatte)
def _same(couplings: Couplings, node: Node, inputs: list[np.ndarray]) -> np.ndarray:
    return inputs[0]


def walk(graph: Graph) -> Couplings:
    """Apply the rules along a graph; NetworkError for a layer without one, or one with weights that is used twice."""
    couplings, seen = Couplings(), set()
    for node in graph:
        if type(node.cell) not in RULES:
            raise NetworkError(
                f"How '{node.name}' ({type(node.cell).__name__}) treats channels is not known. Give this layer a "
                "rule in src/pruning/graph.py."
            )
        if node.name in seen and node.cell.trainable_params():
            raise NetworkError(f"'{node.name}' is used twice in the network; layers that share weights are not pruned.")
        seen.add(node.name)
        maps = [couplings.maps[i] for i in node.inputs]
        couplings.maps.append(RULES[type(node.cell)](couplings, node, maps))
    return couplings
