"""Cut a network to the channels that stay: its spec, its weights, the network itself."""

from collections.abc import Mapping

import mindspore as ms
import numpy as np
from mindspore import nn

from ..checkpoint.file import load_weights
from ..models.build import build_network
from ..models.layers import NormAct, SqueezeExcite
from ..models.narrowing import Kept, narrowing_of
from ..spec.blocks import Norm
from ..spec.serialisation import NetworkSpec
from .groups import Channels, channels_of
from .plan import check


def arrays_of(network: nn.Cell) -> dict[str, np.ndarray]:
    """All parameters by name, float32, moving statistics included."""
    return {p.name: p.asnumpy().copy() for p in network.get_parameters()}


def narrow_spec(network: nn.Cell, channels: Channels, keep: np.ndarray) -> NetworkSpec:
    """The spec of what a mask, bool [channels.count], leaves.

    Channels of an IBNorm keep their kind, however many are left of each.
    """
    names = {id(node.cell): node.name for node in channels.graph}

    def norm(cell: NormAct) -> Norm:
        kept = keep[channels.norms[names[id(cell)]]]
        return Norm(int(kept[: cell.bn].sum()), int(kept[cell.bn :].sum()))

    def hidden(cell: SqueezeExcite) -> int:
        return int(keep[channels.hidden[names[id(cell)]]].sum())

    return narrowing_of(network).spec(network, Kept(norm, hidden))


def cut(weights: Mapping[str, np.ndarray], channels: Channels, keep: np.ndarray) -> dict[str, np.ndarray]:
    """Parameters, float32, without the entries of channels outside `keep`, bool [channels.count].

    The statistics of a norm that has no batch-normalised channel left go with it.
    """
    result = dict(weights)
    for axis in channels.axes:
        result[axis.parameter] = np.compress(keep[axis.channels], result[axis.parameter], axis.axis)
    return {name: np.ascontiguousarray(value) for name, value in result.items() if value.size}


def prune(network: nn.Cell, keep: np.ndarray, channels: Channels | None = None) -> nn.Cell:
    """A new, narrower network with the remaining weights, in inference mode.

    It computes what `network` computes with the columns of the channels outside `keep`, bool [channels], set to zero.
    """
    channels = channels or channels_of(network)
    check(channels, keep)
    narrow = build_network(narrow_spec(network, channels, keep))
    weights = cut(arrays_of(network), channels, keep)
    load_weights(narrow, {name: ms.Parameter(ms.Tensor(value)) for name, value in weights.items()}, "the cut network")
    return narrow.set_train(False)


def zero_channels(weights: Mapping[str, np.ndarray], channels: Channels, keep: np.ndarray) -> dict[str, np.ndarray]:
    """Those parameters, float32, that read channels outside `keep`, bool [channels.count], with zeros where they do.

    This is pruning without a new network.
    """
    result: dict[str, np.ndarray] = {}
    for axis in channels.columns:
        gone = ~keep[axis.channels]
        if gone.any():
            value = result.get(axis.parameter, weights[axis.parameter]).copy()
            np.moveaxis(value, axis.axis, 0)[gone] = 0.0
            result[axis.parameter] = value
    return result
