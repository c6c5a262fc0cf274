"""Which instance norms a network can do without: what batch norm in their place costs and saves, layer by layer.

Batch norm folds into the convolution before it when a network is deployed; instance norm has to be computed. An
instance norm has no scale and shift, so a batch norm with scale 1 and shift 0 on statistics of the same maps takes its
place: it computes the same on an image whose own statistics are those.
"""

import csv
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..checkpoint.file import load_weights
from ..checkpoint.renorm import renormed
from ..common.files import whole_file
from ..common.progress import track
from ..models.build import build_network
from ..models.graph import Node, trace
from ..models.layers import NormAct, SqueezeExcite
from ..models.maps import native_layout
from ..models.narrowing import Kept, narrowing_of
from ..spec.blocks import Norm
from .profiling import Profiler, profile_openvino

COLUMNS = ("layer", "batch_channels", "instance_channels", "mse", "mse_unchanged", "milliseconds", "saved")

Statistics = dict[str, tuple[np.ndarray, np.ndarray]]  # norm -> mean and variance of its input, float64 [channels]


@dataclass(frozen=True)
class NormTrial:
    """One layer with batch norm on all of its channels.

    Attributes:
        norm: its channels as they are.
        mse: of the network with this layer alone changed, and not retrained.
        milliseconds: of the layer and its convolution as they are; `saved`: less with batch norm.
    """

    layer: str
    norm: Norm
    mse: float
    milliseconds: float
    saved: float


@dataclass(frozen=True)
class NormTable:
    """Trials of all instance norms that are deployed, and the MSE of the unchanged network."""

    trials: tuple[NormTrial, ...]
    unchanged: float

    def rise(self, trial: NormTrial) -> float:
        """Share by which the MSE rises; 0 where it falls, since scores are noisy."""
        return max(trial.mse / self.unchanged - 1, 0.0)

    def choose(self, share: float) -> list[str]:
        """Layers to batch-normalise: those that save most for what they cost, one by one.

        The rises of the MSE together stay within `share` of it. Layers that save nothing stay as they are.
        """
        useful = [trial for trial in self.trials if trial.saved > 0]
        chosen, spent = [], 0.0
        for trial in sorted(useful, key=lambda trial: self.rise(trial) / trial.saved):
            if spent + self.rise(trial) <= share:
                spent += self.rise(trial)
                chosen.append(trial.layer)
        return chosen

    def lines(self) -> list[str]:
        """The table as text, the cheapest savings first."""
        order = sorted(self.trials, key=lambda trial: self.rise(trial) / max(trial.saved, 1e-9))
        return [
            f"{trial.layer:<30} {trial.norm.bn:>3}+{trial.norm.inorm:<3} MSE {self.unchanged:.5f} => {trial.mse:.5f} "
            f"(+{self.rise(trial):.1%}), saves {trial.saved:.2f} of {trial.milliseconds:.2f} ms"
            for trial in order
        ]

    def save(self, path: Path) -> None:
        """Write the table as CSV, one row for each layer in the network's order."""
        rows = [
            (trial.layer, trial.norm.bn, trial.norm.inorm, f"{trial.mse:.8g}", f"{self.unchanged:.8g}",
             f"{trial.milliseconds:.4f}", f"{trial.saved:.4f}")
            for trial in self.trials
        ]  # fmt: skip
        with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([COLUMNS, *rows])


def _norm_of(cell: NormAct) -> Norm:
    return Norm(cell.bn, cell.inorm_channels)


def instance_norms(network: nn.Cell) -> dict[str, Node]:
    """Deployed norms with instance-normalised channels by name, in the order of computation."""
    nodes = _deployed(network)
    return {node.name: node for node in nodes if isinstance(node.cell, NormAct) and node.cell.inorm_channels}


def _deployed(network: nn.Cell) -> tuple[Node, ...]:
    training = network.training
    try:
        return trace(network.set_train(False)).nodes
    finally:
        network.set_train(training)


def input_statistics(network: nn.Cell, layers: Collection[str], images: Iterable[np.ndarray]) -> Statistics:
    """Mean and variance over all pixels of all images, by channel, of what some norms get.

    Args:
        network: as it is computed in inference.
        layers: names of norms.
        images: network inputs, float32 [N, 3, H, W].
    """
    axes = (0, 1, 2) if native_layout() else (0, 2, 3)
    moments: dict[str, list[np.ndarray]] = {layer: [] for layer in layers}

    def note(layer: str) -> Callable:
        def hook(cell: nn.Cell, inputs: tuple[ms.Tensor, ...], output: ms.Tensor) -> None:
            x = inputs[0].asnumpy().astype(np.float64)
            moments[layer].append(np.stack([x.mean(axes), np.square(x).mean(axes)]))

        return hook

    cells = dict(network.cells_and_names())
    hooks = [cells[layer].register_forward_hook(note(layer)) for layer in layers]
    try:
        for image in images:
            network(ms.Tensor(image))
    finally:
        for hook in hooks:
            hook.remove()
    means = {layer: np.mean(rows, axis=0) for layer, rows in moments.items()}
    return {layer: (mean, square - mean**2) for layer, (mean, square) in means.items()}


def batch_normalised(network: nn.Cell, layers: Collection[str], statistics: Statistics) -> nn.Cell:
    """A new network in which some layers' instance-normalised channels are batch-normalised, in inference mode.

    Args:
        network: as it is; it stays.
        layers: names of its norms.
        statistics: mean and variance that these channels get; all other weights are those of `network`.
    """
    names = {id(cell): name for name, cell in network.cells_and_names()}

    def norm(cell: NormAct) -> Norm:
        own = _norm_of(cell)
        return Norm(own.channels, 0) if names[id(cell)] in layers else own

    def hidden(cell: SqueezeExcite) -> int:
        return cell.fc1.weight.shape[0]

    result = build_network(narrowing_of(network).spec(network, Kept(norm, hidden)))
    weights, cells = renormed(result, network.parameters_dict()), dict(network.cells_and_names())
    for layer in layers:
        for leaf, values in zip(("moving_mean", "moving_variance"), statistics[layer], strict=True):
            parameter, old = weights[f"{layer}.bnorm.{leaf}"], cells[layer].bn
            value = np.concatenate([parameter.asnumpy()[:old], values[old:]])
            parameter.set_data(ms.Tensor(value.astype(np.float32)))
    load_weights(result, weights, "the network with other norms")
    return result.set_train(False)


def measure_norms(
    network: nn.Cell,
    narrow: nn.Cell,
    score: Callable[[nn.Cell], float],
    images: Sequence[np.ndarray],
    size: tuple[int, int],
    profiler: Profiler | None = None,
) -> NormTable:
    """Try every instance norm of `narrow`: what it costs in the trained `network`, and saves in `narrow`.

    Args:
        network: as it was trained.
        narrow: what pruning left of `network`, with the same names; or `network` itself.
        score: a network's MSE.
        images: network inputs, float32 [N, 3, H, W], for the statistics.
        size: height and width at which the time is measured.
        profiler: (network, height, width) -> milliseconds of each layer; None: OpenVINO's.
    """
    profiler = profiler or profile_openvino
    layers = instance_norms(narrow)
    statistics = input_statistics(network, layers, images)
    plain = batch_normalised(narrow, layers, input_statistics(narrow, layers, images[:1]))
    now, folded = profiler(narrow, *size), profiler(plain, *size)
    nodes, trials = _deployed(narrow), []
    for name, node in track(layers.items(), "layer", label="norms"):
        producer = nodes[node.inputs[0]].name
        spent, left = (profile.get(name, 0.0) + profile.get(producer, 0.0) for profile in (now, folded))
        mse = score(batch_normalised(network, [name], statistics))
        trials.append(NormTrial(name, _norm_of(node.cell), mse, spent, spent - left))
    return NormTable(tuple(trials), score(network))
