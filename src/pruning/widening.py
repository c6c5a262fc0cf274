"""Pruning backwards: a network with more channels that computes what it computed, to be trained on.

New channels get fresh weights, but nothing reads them yet: the columns that would are zero, and training moves them
(function-preserving growth as in Net2Net, Chen et al., arXiv 1511.05641, with new filters instead of copied ones).
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..checkpoint.file import file_source, load_network, load_weights, save_checkpoint, weights_of
from ..common.errors import ConfigError
from ..common.files import refuse_existing
from ..models.build import build_network
from ..models.layers import NormAct, SqueezeExcite
from ..models.narrowing import Kept, narrowing_of
from ..spec.blocks import Norm
from ..spec.serialisation import NetworkSpec
from .groups import Channels, channels_of
from .plan import Limits
from .surgery import arrays_of, zero_channels


def widen_checkpoint(
    path: Path, factors: Mapping[str, float], multiple: int, seed: int, output: Path
) -> tuple[nn.Cell, nn.Cell]:
    """Write the widened network of a checkpoint, without training state and scores; returns it before and after.

    Args:
        path: the checkpoint.
        factors: pattern of a group's name (see `widths_of`) -> how many times its channels.
        multiple: new widths are rounded to the nearest multiple of this.
        seed: of the new weights.
        output: the file to write.

    Raises:
        CheckpointError: the checkpoint is missing or foreign.
        ConfigError: a pattern that names no group, or a factor below 1.
        OutputError: `output` is there already, or cannot be written.
    """
    refuse_existing(output)
    network, meta = load_network(path)
    wide = widen(network, widths_of(channels_of(network), factors, Limits(multiple=multiple)), seed)
    done = ", ".join(f"{pattern}={factor:g}" for pattern, factor in factors.items())
    source = file_source(path) | {"widening": f"{done} (multiple {multiple}, seed {seed})"}
    save_checkpoint(output, weights_of(wide), meta.renewed(source, wide.spec))
    return network, wide


def widths_of(channels: Channels, factors: Mapping[str, float], limits: Limits) -> dict[str, int]:
    """New width of every group that a pattern names.

    A group has the name of the first layer that makes its channels. Patterns are the shell's, as in
    `encoder.to32x.?.expand.*`; the first that fits counts. No group gets narrower.
    """
    names = [group.name for group in channels.groups]
    for pattern, factor in factors.items():
        if not np.isfinite(factor) or factor < 1:
            raise ConfigError(f"A factor must be 1 or more, got {factor:g} for '{pattern}'; prune.py narrows.")
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ConfigError(f"'{pattern}' fits none of the network's groups: {', '.join(names)}.")
    widths = {}
    for group in channels.groups:
        fitting = [factor for pattern, factor in factors.items() if fnmatchcase(group.name, pattern)]
        if fitting:
            rounded = limits.apply(np.array([round(fitting[0] * len(group))]), np.array([np.iinfo(int).max]))
            widths[group.name] = max(int(rounded[0]), len(group))
    return widths


def widen(network: nn.Cell, widths: Mapping[str, int], seed: int = 0) -> nn.Cell:
    """A new network in inference mode whose groups have `widths` channels (unnamed ones as many as before).

    New channels come after the old ones; in an IBNorm that has instance-normalised channels they are of these.
    """
    channels = channels_of(network)
    ms.set_seed(seed)
    wide = build_network(_wide_spec(network, channels, widths))
    wide_channels = channels_of(wide)
    keep = _old_channels(channels, wide_channels)
    weights = graft(arrays_of(network), arrays_of(wide), wide_channels, keep)
    weights |= zero_channels(weights, wide_channels, keep)
    load_weights(wide, {name: ms.Parameter(ms.Tensor(value)) for name, value in weights.items()}, "the wide network")
    return wide.set_train(False)


def _wide_spec(network: nn.Cell, channels: Channels, widths: Mapping[str, int]) -> NetworkSpec:
    new = np.zeros(channels.count, int)  # channels that come to the group of each
    for group in channels.groups:
        new[group.channels] = widths.get(group.name, len(group)) - len(group)
    names = {id(node.cell): node.name for node in channels.graph}

    def norm(cell: NormAct) -> Norm:
        more = int(new[channels.norms[names[id(cell)]]].max())
        return Norm(cell.bn, cell.inorm_channels + more) if cell.inorm_channels else Norm(cell.bn + more, 0)

    def hidden(cell: SqueezeExcite) -> int:
        made = channels.hidden[names[id(cell)]]
        return len(made) + int(new[made].max())

    return narrowing_of(network).spec(network, Kept(norm, hidden))


def _old_channels(channels: Channels, wide: Channels) -> np.ndarray:
    """Mask, bool [wide.count], of the channels that the network had before: the first ones of each layer."""
    keep = np.ones(wide.count, bool)
    for old, new in zip(channels.groups, wide.groups, strict=True):
        keep[new.channels[len(old) :]] = False
    return keep


def graft(
    weights: Mapping[str, np.ndarray], wide: Mapping[str, np.ndarray], channels: Channels, keep: np.ndarray
) -> dict[str, np.ndarray]:
    """The parameters of a wide network, float32, with `weights` where both channels are in `keep`: `cut` backwards.

    `keep` is a mask of the wide network's channels, bool [channels.count].
    """
    entries = {name: [np.ones(size, bool) for size in value.shape] for name, value in wide.items()}
    for axis in channels.axes:
        entries[axis.parameter][axis.axis] &= keep[axis.channels]
    result = {name: value.copy() for name, value in wide.items()}
    for name, value in weights.items():
        result[name][np.ix_(*entries[name])] = value
    return result
