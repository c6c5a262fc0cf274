"""Options that meet in the compiled step: every pair of them trains."""

from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from src.backend.device import select_device
from src.config.config import Config
from src.models.build import build_network
from src.models.mmnet import MMNet
from src.models.modnet import MODNet
from src.spec.mmnet import mmnet_spec
from src.spec.preprocess import Preprocess
from src.training.objective import make_step
from src.training.optimisers.registry import _OPTIMISERS
from src.training.schedule import _SCHEDULES, learning_rate
from tests.support.narrow import narrow_batch, narrow_network, save_narrow
from tests.support.narrow_mmnet import narrow_mmnet

CHOICES = {
    "optimizer": ("adam", "adamw", "sgd"),
    "network": ("mmnet", "modnet"),
    "clip_grad_norm": (0.0, 0.5),
    "ema_decay": (0.0, 0.9),
    "teacher": (False, True),
}
# MMNet has no teacher. Schedules are functions outside of the step: each of them meets some of the rest.
ROWS = (
    ("sgd", "modnet", 0.0, 0.0, True, "zoo"),
    ("sgd", "mmnet", 0.5, 0.9, False, "constant"),
    ("adam", "modnet", 0.5, 0.0, True, "cosine"),
    ("adam", "mmnet", 0.0, 0.9, False, "one_cycle"),
    ("adamw", "modnet", 0.0, 0.9, True, "zoo"),
    ("adamw", "mmnet", 0.5, 0.0, False, "constant"),
    ("sgd", "modnet", 0.5, 0.9, False, "cosine"),
)


def test_the_rows_hold_every_pair_of_choices():
    names = list(CHOICES)
    for one, other in combinations(range(len(names)), 2):
        pairs = set(product(CHOICES[names[one]], CHOICES[names[other]])) - {("mmnet", True)}
        assert {(row[one], row[other]) for row in ROWS} == pairs, (names[one], names[other])
    assert set(CHOICES["optimizer"]) == set(_OPTIMISERS) and {row[-1] for row in ROWS} == set(_SCHEDULES)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_narrow(tmp_path_factory.mktemp("teacher") / "teacher.ckpt")


def network_of(name: str, optimizer: str) -> MODNet | MMNet:
    """AdamW gets an MMNet with all of its layers: the graph of that optimiser nests the deepest."""
    if name == "modnet":
        return narrow_network()
    return build_network(mmnet_spec(0.25)) if optimizer == "adamw" else narrow_mmnet()


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(map(str, row)))
def test_the_step_compiles_and_learns(row: tuple, teacher: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    optimizer, name, clip, decay, taught, schedule = row
    config = Config.from_values(
        optimizer=optimizer, clip_grad_norm=clip, ema_decay=decay, lr=0.001, lr_schedule=schedule, epoch_size=2,
        teacher=str(teacher) if taught else None,
    )  # fmt: skip
    select_device("CPU")
    network = network_of(name, optimizer).set_train(True)
    before = {p.name: p.asnumpy().copy() for p in network.trainable_params()}
    unit = Preprocess() if name == "modnet" else Preprocess(mean=(0, 0, 0), std=(1, 1, 1))
    step, rate = make_step(network, unit, config, 1), learning_rate(config.schedule, 1)
    results = [step(narrow_batch(64, 2), rate(i), i) for i in range(2)]
    assert all(result.finite for result in results)
    assert sum(not np.array_equal(p.asnumpy(), before[p.name]) for p in network.trainable_params()) > 0.75 * len(before)
    assert bool(step.ema) == bool(decay) and not list(tmp_path.iterdir())
