"""Channel groups: the sets within which channels are chosen, and everything that has to be cut with them."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from mindspore import nn

from ..models.graph import Graph, trace
from ..models.layers import NormAct
from ..models.narrowing import part_of
from .graph import Axis, Couplings, walk


@dataclass(frozen=True)
class Group:
    """Channels that compete with one another; none of any other group has to go with them.

    Attributes:
        name: of the first layer that makes them.
        part: "backbone", "lr", "hr" or "fusion" in a MODNet.
        channels: their numbers, increasing, int [channels].
        layers: all layers whose filters make them; of a residual stage, those of all its sums.
    """

    name: str
    part: str
    channels: np.ndarray
    layers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.channels)


@dataclass(frozen=True)
class Channels:
    """All channels of a network.

    Attributes:
        graph: the network's data flow in training.
        count: they are numbered from 0 to count - 1.
        groups: the channels that may go. Those of the image and of the network's outputs are in none.
        axes: which parameters have to be cut, and where.
        maps: channels of every node's output, int [its channels].
        hidden: those of the hidden layer of each SqueezeExcite, by name.
    """

    graph: Graph
    count: int
    groups: tuple[Group, ...]
    axes: tuple[Axis, ...]
    maps: tuple[np.ndarray, ...]
    hidden: dict[str, np.ndarray]

    @cached_property
    def norms(self) -> dict[str, np.ndarray]:
        """Channels of each NormAct by name, int [its channels]."""
        return {node.name: self.maps[node.index] for node in self.graph if isinstance(node.cell, NormAct)}

    @cached_property
    def norms_behind(self) -> dict[str, tuple[str, NormAct]]:
        """Name and cell of the norm that follows each convolution, by the convolution's name."""
        nodes = self.graph.nodes
        return {nodes[n.inputs[0]].name: (n.name, n.cell) for n in nodes if isinstance(n.cell, NormAct)}

    @cached_property
    def filters(self) -> dict[str, Axis]:
        """Axes that make channels, by the name of the layer."""
        return {axis.parameter.removesuffix(".weight"): axis for axis in self.axes if axis.role == "filter"}

    @cached_property
    def columns(self) -> tuple[Axis, ...]:
        """Axes that read channels: zeroing their entries is what pruning a channel means."""
        return tuple(axis for axis in self.axes if axis.role == "column")

    def group_sizes(self, keep: np.ndarray) -> np.ndarray:
        """How many channels of each group a mask, bool [count], keeps, int [groups]."""
        return np.array([int(keep[group.channels].sum()) for group in self.groups])


def channels_of(network: nn.Cell) -> Channels:
    """Read a network's channels; its mode stays as it was. NetworkError for a layer that cannot be pruned."""
    training = network.training
    try:
        graph = trace(network.set_train(True))  # the heads that only training needs read channels too
    finally:
        network.set_train(training)
    couplings = walk(graph)
    roots = [couplings.root(number) for number in range(len(couplings.parents))]
    number = {root: i for i, root in enumerate(dict.fromkeys(roots))}
    final = np.array([number[root] for root in roots])
    axes = tuple(replace(axis, channels=final[axis.channels]) for axis in couplings.axes)
    maps = tuple(final[channels] for channels in couplings.maps)
    fixed = {int(n) for i in (0, *graph.outputs) for n in maps[i]}
    return Channels(
        graph=graph,
        count=len(number),
        groups=_groups(network, couplings, axes, final, fixed),
        axes=axes,
        maps=maps,
        hidden={name: final[channels] for name, channels in couplings.hidden.items()},
    )


def _groups(
    network: nn.Cell, couplings: Couplings, axes: tuple[Axis, ...], final: np.ndarray, fixed: set[int]
) -> tuple[Group, ...]:
    """Layers that make a channel in common are of one group."""
    found: dict[str, set[int]] = {}
    for name, made in couplings.spaces.items():
        numbers = set(final[made].tolist()) - fixed
        for other in [other for other, theirs in found.items() if theirs & numbers]:
            numbers |= found.pop(other)
            name = min(name, other, key=list(couplings.spaces).index)
        if numbers:
            found[name] = numbers
    filters = [axis for axis in axes if axis.role == "filter"]
    groups = [
        Group(
            name=name,
            part=part_of(network, name),
            channels=np.array(sorted(numbers)),
            layers=tuple(
                axis.parameter.removesuffix(".weight") for axis in filters if numbers & set(axis.channels.tolist())
            ),
        )
        for name, numbers in found.items()
    ]
    return tuple(sorted(groups, key=lambda group: int(group.channels[0])))
