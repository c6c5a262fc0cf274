"""How long a plan would take, from a table of layers that OpenVINO measured on this machine.

The network is cut to a few uniform widths, exported and profiled. A layer's time is then read off along its own work
(multiplications and numbers written), so that a plan is priced without a network of its own. Layers whose time does
not follow their MACs, such as instance norms and resizes, count for what they take.
"""

import csv
import re
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mindspore import nn

from ..common.files import whole_file
from ..deploy.onnx_model import onnx_model
from ..model_file.contract import Contract
from ..models.costs import use
from ..models.graph import trace
from ..runtime.openvino_runtime import openvino_core
from ..spec.preprocess import Preprocess
from .groups import Channels
from .measure import Sizes
from .strategies import Setting, uniform
from .surgery import prune

RATIOS = (0.0, 0.25, 0.5, 0.75, 0.9)
TOLERANCE = 0.15  # share by which a measured time may differ from the table's before it is worth a warning
_WARM_UP, _RUNS = 3, 15

Profile = dict[str, float]  # layer -> milliseconds
Profiler = Callable[[nn.Cell, int, int], Profile]


class Works:
    """Work of each layer under a mask, in inference at one input size.

    The unit is one operation: a multiplication of a weight, or a number written into the layer's output. A layer that
    is used several times counts each time.
    """

    def __init__(self, network: nn.Cell, channels: Channels, height: int, width: int) -> None:
        self.sizes = Sizes(network, channels)
        maps: dict[str, list[np.ndarray]] = {}  # a layer without weights may be used several times
        for node in channels.graph:
            maps.setdefault(node.name, []).append(channels.maps[node.index])
        nodes = trace(network.set_train(False), height, width).nodes  # what training has not has no channels to lose
        self.nodes = [(node, maps[node.name].pop(0)) for node in nodes if node.cell and node.name in maps]

    def of(self, keep: np.ndarray) -> dict[str, float]:
        """Operations of each deployed layer by name, with the channels of a mask, bool [channels.count], alone."""
        works: dict[str, float] = {}
        for node, made in self.nodes:
            _, height, width = node.shape
            written = int(keep[made].sum()) * height * width
            macs = sum(times * self.sizes.of(f"{node.name}.{leaf}", keep) for leaf, times in use(node).weights.items())
            works[node.name] = works.get(node.name, 0.0) + written + macs
        return works


@dataclass(frozen=True)
class LatencyTable:
    """For each layer its work and its milliseconds, both [widths], by increasing work.

    Attributes:
        dense: milliseconds of the whole network before pruning, as measured.
    """

    works: Works
    rows: dict[str, tuple[np.ndarray, np.ndarray]]
    dense: float

    def __call__(self, keep: np.ndarray) -> float:
        """Milliseconds of the network that a mask leaves."""
        return float(sum(np.interp(work, *self.rows[layer]) for layer, work in self.works.of(keep).items()))

    def save(self, path: Path) -> None:
        """Write the table as CSV, one row for each layer and width."""
        rows = [
            (layer, int(work), f"{ms:.4f}")
            for layer, columns in self.rows.items()
            for work, ms in zip(*columns, strict=True)
        ]
        with whole_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("layer", "work", "milliseconds"), *rows])


def measure_latency(
    network: nn.Cell,
    setting: Setting,
    size: tuple[int, int],
    profiler: Profiler | None = None,
    progress: Callable[[Iterable], Iterable] = iter,
) -> LatencyTable:
    """Profile a network at a few uniform widths, for one image of `size` (height, width)."""
    profiler = profiler or profile_openvino
    works = Works(network, setting.channels, *size)
    columns = []
    for ratio in progress(RATIOS):
        keep = setting.keep(uniform(setting, ratio))
        columns.append((works.of(keep), profiler(prune(network, keep, setting.channels), *size)))
    rows = {}
    for layer in columns[0][0]:
        work = np.array([column[layer] for column, _ in columns])
        spent = np.array([profile.get(layer, 0.0) for _, profile in columns])
        order = np.argsort(work, kind="stable")
        rows[layer] = work[order], np.maximum.accumulate(spent[order])
    return LatencyTable(works, rows, dense=sum(columns[0][1].values()))


@dataclass(frozen=True)
class LatencyCheck:
    """Milliseconds of an image: of the network before pruning, and after it by the table and by the clock."""

    dense: float
    predicted: float
    measured: float

    @property
    def warning(self) -> str | None:
        """A sentence where prediction and clock are further apart than the tolerance."""
        apart = self.measured / self.predicted - 1
        if abs(apart) <= TOLERANCE:
            return None
        return (
            f"the pruned network takes {self.measured:.2f} ms, the table said {self.predicted:.2f} ms ({apart:+.0%}): "
            "other programs computed meanwhile? Prune again on a quiet machine, or ask for MACs"
        )


def profile_openvino(network: nn.Cell, height: int, width: int) -> Profile:
    """Milliseconds of each layer on OpenVINO's CPU device in float32, scaled so that they add up to a whole run's."""
    model = onnx_model(network, Contract(Preprocess()), (1, 3, height, width)).SerializeToString()
    core = openvino_core()
    options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    image = np.random.default_rng(0).uniform(-1, 1, (1, 3, height, width)).astype(np.float32)
    plain = core.compile_model(core.read_model(model), "CPU", options).create_infer_request()
    counting = core.compile_model(core.read_model(model), "CPU", options | {"PERF_COUNT": True}).create_infer_request()
    layers = {node.name for node in trace(network, height, width)}
    walls, profiles = [], []
    for run in range(_WARM_UP + _RUNS):
        start = time.perf_counter()
        plain.infer(image, share_inputs=True)
        wall = time.perf_counter() - start
        counting.infer(image, share_inputs=True)
        if run >= _WARM_UP:
            walls.append(1e3 * wall)
            entries = [(entry.node_name, 1e3 * entry.real_time.total_seconds()) for entry in counting.profiling_info]
            profiles.append(by_layer(entries, layers))
    return undisturbed(walls, [{layer: profile.get(layer, 0.0) for layer in layers} for profile in profiles])


def undisturbed(walls: list[float], profiles: list[Profile]) -> Profile:
    """The least of several runs, of each layer and of the whole, to which the layers' are scaled; milliseconds.

    What else a machine does only adds to a time, and meets layers of different runs.
    """
    least = {layer: min(profile[layer] for profile in profiles) for layer in profiles[0]}
    scale = min(walls) / sum(least.values())
    return {layer: spent * scale for layer, spent in least.items()}


def by_layer(entries: Iterable[tuple[str, float]], layers: Collection[str]) -> Profile:
    """Sum a runtime's operators, in order of execution, over the layers that they came from.

    Exported operators are named after their layer, as NAME, NAME_2 or NAME/STEP. What the runtime puts between them
    (layout changes, the halves of a fused norm) counts for the layer that comes next.
    """
    profile: Profile = {}
    waiting = 0.0
    for name, spent in entries:
        waiting += spent
        layer = name.partition("/")[0]
        layer = layer if layer in layers else re.sub(r"_\d+$", "", layer)
        if layer in layers:
            profile[layer] = profile.get(layer, 0.0) + waiting
            waiting = 0.0
    return profile
