"""How long a plan would take, from a table of layers that OpenVINO measured on this machine.

The network is cut to a few uniform widths, exported and profiled. A layer's time is then read off along its own work
(multiplications and numbers written), so that a plan is priced without a network of its own. Layers whose time does
not follow their MACs, such as instance norms and resizes, count for what they take.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from mindspore import nn

from ..common.files import whole_file
from ..common.progress import track
from ..models.costs import use
from ..models.graph import trace
from .groups import Channels
from .measure import Sizes
from .profiling import Profiler, profile_openvino
from .setting import Setting
from .strategies.uniform import uniform
from .surgery import prune

RATIOS = (0.0, 0.25, 0.5, 0.75, 0.9)
TOLERANCE = 0.15  # share by which a measured time may differ from the table's before it is worth a warning


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
        self.nodes = [(node, maps[node.name].pop(0)) for node in nodes[1:] if node.name in maps]

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
    """Milliseconds of layers at a few widths, measured once; called with a mask it prices a plan.

    Attributes:
        works: work of each layer under a mask.
        rows: for each layer its work and its milliseconds, both float64 [widths], by increasing work.
        dense: milliseconds of the whole network before pruning, as measured.
    """

    works: Works
    rows: dict[str, tuple[np.ndarray, np.ndarray]]
    dense: float

    def __call__(self, keep: np.ndarray) -> float:
        """Milliseconds of the network that a mask, bool [channels.count], leaves."""
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
    network: nn.Cell, setting: Setting, size: tuple[int, int], profiler: Profiler | None = None
) -> LatencyTable:
    """Profile a network at a few uniform widths, for one image of `size` (height, width)."""
    profiler = profiler or profile_openvino
    works = Works(network, setting.channels, *size)
    columns = []
    for ratio in track(RATIOS, "width", label="latency"):
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


def check_latency(table: LatencyTable, narrow: nn.Cell, keep: np.ndarray, size: tuple[int, int]) -> LatencyCheck:
    """Measure what the mask `keep`, bool [channels], left for one image of `size` (height, width), beside the table."""
    return LatencyCheck(table.dense, table(keep), measured=sum(profile_openvino(narrow, *size).values()))
