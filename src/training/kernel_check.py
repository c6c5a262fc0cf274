"""Whether a device has kernels for all that training and evaluation compute, without a card of that kind."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..backend.kernels import wheel_kernels
from ..common.log import logger
from ..config.config import Config
from .primitives import CONTROL, Traced, evaluation_primitives, training_primitives

DEVICES = ("GPU", "Ascend")
LEVELS = ("O0", "O2", "O3")
# Which training graphs are compiled, by names for the table: each optimiser, each loss, and what else is in a step.
TRAINED: Mapping[str, Mapping[str, Any]] = {
    "MODNet, sgd": {"weight_decay": 0.01},
    "MODNet, adam": {"optimizer": "adam", "ema_decay": 0.99, "clip_grad_norm": 1.0},
    "MODNet, adamw": {"optimizer": "adamw", "weight_decay": 0.01, "freeze_backbone": True},
    "MMNet, adam": {"network": "mmnet", "optimizer": "adam", "clip_grad_norm": 1.0},
    "SOC, adam": {"soc": True, "optimizer": "adam"},
}
EVALUATED: Mapping[str, Mapping[str, Any]] = {"MODNet": {}, "MMNet": {"network": "mmnet"}}
MIXED = ("MODNet, sgd", "MMNet, adam")  # compiled at O2 and O3 too
# What only that device puts into a graph, or only several processes do; no CPU compiles it.
_ELSEWHERE = (
    ("FloatStatus", "O2 and O3", ("GPU",)),
    ("AllFinite", "O2 and O3", ("Ascend",)),
    ("AllReduce", "distributed", DEVICES),
    ("SyncBatchNorm", "sync_bn", ("Ascend",)),
    ("SyncBatchNormGrad", "sync_bn", ("Ascend",)),
)


@dataclass(frozen=True)
class Row:
    """A primitive, the graphs that have it, and for each device its kernel; "none", or "" where it is not used."""

    primitive: str
    graphs: tuple[str, ...]
    kernels: Mapping[str, str]

    @property
    def complete(self) -> bool:
        """Whether no device lacks a kernel."""
        return "none" not in self.kernels.values()


def check_kernels(levels: Collection[str] = LEVELS) -> list[Row]:
    """A row for each primitive of the graphs for these levels of mixed precision, by name."""
    graphs: dict[str, list[str]] = defaultdict(list)
    expansions: dict[str, set[str]] = {}
    for name, traced in _graphs(levels):
        logger.info("%s: %d primitives", name, len(traced.primitives))
        expansions |= traced.expansions
        for primitive in traced.primitives:
            graphs[primitive].append(name)
    kernels = {device: wheel_kernels(device) for device in DEVICES}
    rows = [
        Row(primitive, tuple(graphs[primitive]), {d: kernel_of(primitive, kernels[d], expansions) for d in DEVICES})
        for primitive in sorted(graphs)
    ]
    for primitive, use, devices in _ELSEWHERE:
        rows.append(
            Row(primitive, (use,), {d: kernels[d].get(primitive, "none") if d in devices else "" for d in DEVICES})
        )
    return rows


def kernel_of(primitive: str, kernels: Mapping[str, str], expansions: Mapping[str, set[str]]) -> str:
    """The kind of kernel for a primitive, or the primitives with kernels that MindSpore makes of it, or "none"."""
    if primitive in kernels:
        return kernels[primitive]
    parts = expansions.get(primitive, set()) - CONTROL
    return f"as {', '.join(sorted(parts))}" if parts and parts <= set(kernels) else "none"


def _graphs(levels: Collection[str]) -> Iterator[tuple[str, Traced]]:
    for level in levels:
        for name, values in TRAINED.items():
            if level == "O0" or name in MIXED:
                yield f"{name}, {level}", training_primitives(Config.from_values(**values, amp_level=level))
    for name, values in EVALUATED.items():
        yield f"{name}, evaluation", evaluation_primitives(Config.from_values(**values))
