"""Parameters and multiply-accumulates (MACs) of a network, layer by layer, from its traced graph.

Three conventions are in use, and figures of different ones must not be compared:

- deployed: multiplications of convolutions and dense layers, without the heads that only training needs;
- with heads: the same for the training forward pass;
- published: "with heads" plus what module counters add: biases, two operations for each batch-normalised number,
  one for each activated or pooled number. The published 18.32 G and 4.5 G of MODNet and MODNet-P are counted so.

The learned parameters are counted, moving statistics are not. Published tables give all of them (6.48 M and 1.36 M,
cut after two digits), or only those of convolutions and dense layers (6.45 M and 1.34 M).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from mindspore import nn

from ..common.errors import NetworkError
from .easpp import ScaleFusion
from .graph import Graph, ImageInput, Node, trace
from .layers import Concat, Conv2d, NormAct, SqueezeExcite
from .maps import Downsample, FromLayout, ToLayout, ToMatte
from .two_class import PersonMatte

STATISTICS = ("moving_mean", "moving_variance")


@dataclass(frozen=True)
class Use:
    """What one layer computes in a forward pass of one image.

    Attributes:
        weights: for each weight of the cell, how often each of its numbers is multiplied.
        extras: operations that only the published convention counts.
        widths: its channels; of an IBNorm the batch- and the instance-normalised ones, of a gate also the hidden ones.
    """

    weights: dict[str, int]
    extras: int = 0
    widths: tuple[int, ...] = ()


def _conv(node: Node) -> Use:
    biases = math.prod(node.shape) if node.cell.has_bias else 0
    return Use({"weight": math.prod(node.shape[1:])}, biases, (node.cell.out_channels,))


def _norm(node: Node) -> Use:
    channels, height, width = node.shape
    bn, inorm = node.cell.bn, node.cell.inorm_channels
    activated = 0 if node.cell.act_name == "none" else channels
    return Use({}, (2 * bn + activated) * height * width, (bn, inorm) if inorm else (bn,))


def _squeeze_excite(node: Node) -> Use:
    hidden, channels = node.cell.fc1.weight.shape
    return Use({"fc1.weight": 1, "fc2.weight": 1}, math.prod(node.shape) + hidden, (channels, hidden))


def _fuse(node: Node) -> Use:
    return Use({"weight": math.prod(node.shape[1:])}, 0, (node.shape[0],))


def _nothing(node: Node) -> Use:
    return Use({})


# A new layer type adds its rule here.
RULES: dict[type, Callable[[Node], Use]] = {
    Conv2d: _conv,
    NormAct: _norm,
    SqueezeExcite: _squeeze_excite,
    ScaleFusion: _fuse,
    ImageInput: _nothing,
    Concat: _nothing,
    Downsample: _nothing,
    ToLayout: _nothing,
    ToMatte: _nothing,
    FromLayout: _nothing,
    PersonMatte: _nothing,
}


@dataclass(frozen=True)
class LayerCost:
    """Cost of one layer; `widths` as in `Use`."""

    name: str
    kind: str
    widths: tuple[int, ...]
    parameters: int
    macs: int
    extras: int


@dataclass(frozen=True)
class Costs:
    """A network's layers at one input size. Only training computes those not in `deployed`."""

    layers: tuple[LayerCost, ...]
    deployed: frozenset[str]

    @property
    def parameters(self) -> int:
        """Learned numbers of all layers, the training heads' too."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def parameters_published(self) -> int:
        """Learned numbers of convolutions and dense layers alone, without those of norms."""
        return sum(layer.parameters for layer in self.layers if layer.macs)

    @property
    def macs(self) -> int:
        """Deployed MACs."""
        return sum(layer.macs for layer in self.layers if layer.name in self.deployed)

    @property
    def macs_with_heads(self) -> int:
        """MACs of the training forward pass."""
        return sum(layer.macs for layer in self.layers)

    @property
    def macs_published(self) -> int:
        """As module counters count them."""
        return sum(layer.macs + layer.extras for layer in self.layers)


def use(node: Node) -> Use:
    """What a node computes; NetworkError for a layer without a rule."""
    rule = RULES.get(type(node.cell))
    if rule is None:
        raise NetworkError(
            f"The cost of '{node.name}' ({type(node.cell).__name__}) is not known. Give this layer a rule in "
            "src/models/costs.py."
        )
    return rule(node)


def weight_uses(graph: Graph) -> dict[str, int]:
    """For each weight by its full name, how often each of its numbers is multiplied in one pass."""
    uses: dict[str, int] = {}
    for node in graph:
        for leaf, times in use(node).weights.items():
            uses[f"{node.name}.{leaf}"] = uses.get(f"{node.name}.{leaf}", 0) + times
    return uses


def layer_cost(node: Node) -> LayerCost:
    """The cost of one layer of a traced graph."""
    parameters = dict(node.cell.parameters_and_names())
    sizes = {name: p.size for name, p in parameters.items() if name.rpartition(".")[2] not in STATISTICS}
    used = use(node)
    macs = sum(sizes[leaf] * times for leaf, times in used.weights.items())
    return LayerCost(node.name, type(node.cell).__name__, used.widths, sum(sizes.values()), macs, used.extras)


def deployed_and_training(network: nn.Cell, height: int = 512, width: int = 512) -> tuple[Graph, Graph]:
    """Graphs of inference and of training; the network's mode stays as it was."""
    training = network.training
    try:
        return trace(network.set_train(False), height, width), trace(network.set_train(True), height, width)
    finally:
        network.set_train(training)


def count(network: nn.Cell, height: int = 512, width: int = 512) -> Costs:
    """Costs of a network for one image of `height` x `width` pixels."""
    deployed, training = deployed_and_training(network, height, width)
    layers = tuple(layer_cost(node) for node in training)
    return Costs(
        layers=tuple(layer for layer in layers if layer.parameters or layer.extras),
        deployed=frozenset(node.name for node in deployed),
    )
