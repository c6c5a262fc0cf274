"""The primitives of training and evaluation graphs, forward and backward, as MindSpore compiles them.

They are read from the graph that MindSpore writes down between its front end, which is the same for all devices, and
the choice of kernels. The portable layers are compiled (MODNET_CPU_OPS=0), as on a GPU or an Ascend device.
"""

import os
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import mindspore as ms
import numpy as np

from ..common.errors import MattingError
from ..config.config import Config
from ..losses import objective_of
from ..models.build import build_network
from .adaptation import AdaptationStep
from .network import adjust, new_spec
from .step import TrainStep

SIDE = 64  # pixels of the images that graphs are compiled for
_FRONT_END = "validate"  # its last pass
# What needs no kernel: it steers the graph.
CONTROL = {
    "Depend", "Load", "UpdateState", "MakeTuple", "TupleGetItem", "Partial", "Switch", "Return", "StopGradient",
    "FuncUnion", "Call",
}  # fmt: skip
_CALL = re.compile(r"^\s+%\d+\([^)]*\) = (?:PrimFunc_)?([A-Za-z]\w*)\(", re.MULTILINE)
_EXPANDED = re.compile(r"\(\S*Expand/_(\w+)/(\w+)-op\d+\)")


@dataclass(frozen=True)
class Traced:
    """Primitives of graphs, and of what others MindSpore made each for which this machine has no kernel."""

    primitives: set[str]
    expansions: dict[str, set[str]]


def training_primitives(config: Config) -> Traced:
    """Primitives of the training step of a configuration, for the network that it starts from nothing."""
    network = build_network(new_spec(config.network))
    adjust(network, config.network)
    step: TrainStep | AdaptationStep
    if config.soc.soc:
        step = AdaptationStep(network, config.optimiser, config.soc)
    else:
        step = TrainStep(network, config.optimiser, objective_of(network.spec.network, config.loss))
    network.set_train(True)
    image = np.full((2, 3, SIDE, SIDE), 0.5, np.float32)
    alpha = np.full((2, 1, SIDE, SIDE), 0.5, np.float32)
    batch = (image,) if config.soc.soc else (image, alpha, alpha)
    return _traced(lambda: step(batch, 0.01, 0))


def evaluation_primitives(config: Config) -> Traced:
    """Primitives of the network of a configuration that turn an image into a matte."""
    network = build_network(new_spec(config.network)).set_train(False)

    def matte(image: ms.Tensor) -> ms.Tensor:
        return network(image)

    compiled = ms.jit(matte)
    return _traced(lambda: compiled(ms.Tensor(np.full((1, 3, SIDE, SIDE), 0.5, np.float32))))


def _traced(run: Callable[[], object]) -> Traced:
    """What the graphs hold that `run` compiles."""
    with tempfile.TemporaryDirectory() as name, _written_down(name):
        run()
        primitives: set[str] = set()
        expansions: dict[str, set[str]] = defaultdict(set)
        for path in Path(name).rglob("*.ir"):
            text = path.read_text(encoding="utf-8")
            if f"_{_FRONT_END}_" in path.name:
                primitives |= set(_CALL.findall(text))
            for whole, part in _EXPANDED.findall(text):
                expansions[whole].add(part)
    if not primitives:
        raise MattingError("MindSpore wrote no graph down. Start `scripts/check_kernels.py`, in a process of its own.")
    return Traced(primitives - CONTROL, dict(expansions))


@contextmanager
def _written_down(folder: str) -> Iterator[None]:
    """Within, MindSpore writes the graphs that it compiles into a folder, and no graph comes from a cache."""
    ms.set_context(save_graphs=1, save_graphs_path=folder)
    with mock.patch.dict(os.environ, MODNET_COMPILE_CACHE="0"):
        try:
            yield
        finally:
            ms.set_context(save_graphs=0)
