"""A training step from the compile cache is the step that was compiled, and no other one."""

import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from src.config.config import Config
from src.training import compile_cache as cache
from tests.support.narrow import narrow_network
from tests.support.programs import ROOT, run_program
from tests.support.steps import train_step

CONFIG = Config.from_values(lr=0.002, momentum=0.8, optimizer="adam", ema_decay=0.5)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that this process has not used yet."""
    monkeypatch.setenv("MODNET_COMPILE_CACHE", str(tmp_path / "steps"))
    monkeypatch.setattr(cache, "_used", [])
    monkeypatch.setattr(sys, "argv", [__file__])
    return tmp_path / "steps"


def stored(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


PROGRAM = """
import sys
import numpy as np
from src.backend.device import select_device
from src.backend.environment import prepare_environment
prepare_environment("CPU")
select_device("CPU")
from src.training.step import TrainStep
from src.common.log import setup_logging
from tests.support.narrow import narrow_batch, narrow_network
from tests.support.programs import ROOT, run_program
from tests.training.test_compile_cache import CONFIG
from tests.support.steps import train_step
setup_logging()
network = narrow_network().set_train(True)
step = train_step(network, CONFIG)
losses = [step(narrow_batch(64, 2), 0.002, i).total for i in range(2)]
values = {p.name: p.asnumpy() for p in [*network.get_parameters(), *step.ema.values()]}
np.savez(sys.argv[1], losses=losses, **values)
"""


def run(folder: Path, name: str) -> tuple[str, dict[str, np.ndarray]]:
    """Log of a new process that takes two steps, and its losses, weights and averages."""
    program = folder / "two_steps.py"
    program.write_text(PROGRAM)
    done = run_program(sys.executable, program, folder / f"{name}.npz", PYTHONPATH=str(ROOT))
    assert done.status == 0, done.out + done.err
    with np.load(folder / f"{name}.npz") as arrays:
        return done.out + done.err, dict(arrays)


@pytest.mark.slow
def test_a_second_process_takes_the_graph_and_ends_with_the_same_weights(root, tmp_path):
    _, first = run(tmp_path, "first")
    (key,) = stored(root)
    text, second = run(tmp_path, "second")
    assert f"compiled graph from {root / key}" in text
    assert stored(root) == [key]
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)

    (graph,) = (root / key).rglob("*.mindir")
    graph.chmod(0o600)
    os.truncate(graph, graph.stat().st_size // 2)
    _, third = run(tmp_path, "third")  # a damaged file costs the time of compiling, nothing else
    np.testing.assert_array_equal(first["losses"], third["losses"])


@pytest.mark.slow
def test_whatever_the_graph_depends_on_is_in_its_name(monkeypatch):
    def key(config: Config = CONFIG, size: int = 64, freeze: bool = False) -> str:
        network = narrow_network().set_train(True)
        if freeze:
            network.encoder.stem.norm.bnorm.set_train(False)
        names = []
        monkeypatch.setattr("src.training.step.compile_cache", names.append)
        train_step(network, config)._cache((2, 3, size, size))
        return names[0]

    changes = {"optimizer": "sgd", "momentum": 0.7, "weight_decay": 0.1, "semantic_scale": 2.0, "detail_scale": 2.0,
               "matte_scale": 2.0, "clip_grad_norm": 1.0, "ema_decay": 0.0, "freeze_backbone": True,
               "bn_momentum": 0.5}  # fmt: skip
    keys = [key(), key(size=96), key(freeze=True), *(key(CONFIG.replaced(**{k: v})) for k, v in changes.items())]
    assert len(set(keys)) == len(keys)
    assert key() == keys[0] == key(CONFIG.replaced(lr=0.5, epoch_size=3, seed=9, output_path="elsewhere"))


def test_without_a_writable_place_nothing_is_cached(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(cache, "_used", [])
    for place in ("0", str(tmp_path / "file" / "below")):
        monkeypatch.setenv("MODNET_COMPILE_CACHE", place)
        with cache.compile_cache("key"):
            pass
    assert stored(tmp_path) == ["file"]


def test_a_program_that_is_no_file_compiles_without_a_cache(root, monkeypatch):
    """As `python -c` and interactive sessions do; MindSpore would fail to read it."""
    monkeypatch.setattr(sys, "argv", ["-c"])
    with cache.compile_cache("key"):
        pass
    assert not root.exists()


def test_the_graphs_unused_for_longest_are_dropped(root, monkeypatch):
    monkeypatch.setattr(cache, "KEPT", 3)
    for age, name in enumerate("abcd"):
        cache._used.clear()
        with cache.compile_cache(name):
            pass
        then = time.time() - 100 + age
        os.utime(root / name, (then, then))
    assert stored(root) == ["b", "c", "d"]
    for name in "be":
        cache._used.clear()
        with cache.compile_cache(name):
            pass
    assert stored(root) == ["b", "d", "e"]


def test_a_failed_compilation_leaves_nothing(root):
    with pytest.raises(ZeroDivisionError), cache.compile_cache("key"):
        raise ZeroDivisionError
    assert stored(root) == []
