"""Two CPU processes train as one with the doubled batch, and both hold the same weights."""

import socket
from pathlib import Path

import numpy as np
import pytest

from src.checkpoint.file import read_checkpoint
from tests.support.programs import ROOT, checkout, metrics_rows, run_script
from tests.support.training_runs import whole_run

# The norms are frozen: with batch statistics each process would normalise by its own half of the batch.
FLAGS = ("--freeze_norm", True, "--lr", 0.002, "--val_interval", 0, "--ckpt_save_interval", 0)

# train.py of the working copy: the real one, after which each process writes its weights down.
PROGRAM = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from src.backend.environment import prepare_environment
prepare_environment("CPU")
import numpy as np
from src.training import trainer

def train_and_tell(self, original=trainer.Trainer.train):
    original(self)
    weights = {{p.name: p.asnumpy() for p in self.network.get_parameters()}}
    np.savez(f"rank{{self.world.rank}}_of_{{self.world.size}}.npz", **weights)

trainer.Trainer.train = train_and_tell
import runpy
runpy.run_path({str(ROOT / "train.py")!r}, run_name="__main__")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def two_processes(folder: Path, config: Path, *flags: object) -> Path:
    """The working copy after a run of two processes with one image each a step."""
    copy = checkout(folder / "copy")
    (copy / "train.py").unlink()
    (copy / "train.py").write_text(PROGRAM)
    flags = ("--device_target", "CPU", "--batch_size", 1, *FLAGS, *flags)
    environment = {"FOREGROUND": "1", "MASTER_PORT": str(free_port())}
    done = run_script(copy, "run_distributed_train_gpu.sh", config, 2, "0,1", *flags, **environment)
    assert done.status == 0, done.out + done.err
    return copy


@pytest.fixture(scope="module")
def parallel(tmp_path_factory, tiny_config) -> Path:
    return two_processes(tmp_path_factory.mktemp("distributed"), tiny_config)


def rank_weights(copy: Path, rank: int) -> dict[str, np.ndarray]:
    with np.load(copy / f"rank{rank}_of_2.npz") as file:
        return dict(file)


def losses(folder: Path, names: tuple[str, ...] = ("loss", "semantic", "detail", "matte")) -> np.ndarray:
    """[step, names]"""
    return np.array([[float(row[k]) for k in names] for row in metrics_rows(folder) if row["loss"]])


def assert_equal_ranks(copy: Path) -> dict[str, np.ndarray]:
    """Both processes ended with the same weights, which are returned."""
    first, second = rank_weights(copy, 0), rank_weights(copy, 1)
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    return first


def assert_trained_as_one(copy: Path, alone: Path) -> None:
    """The weights of two processes are those of one run in the folder `alone`."""
    expected = read_checkpoint(alone / "ckpt" / "MODNet_last.ckpt").weights
    for name, value in rank_weights(copy, 0).items():
        np.testing.assert_allclose(value, expected[name].asnumpy(), atol=1e-4, err_msg=name)


def test_both_processes_end_with_equal_weights(parallel, narrow_ckpt):
    weights, start = assert_equal_ranks(parallel), read_checkpoint(narrow_ckpt).weights
    assert set(weights) == set(start)
    assert np.abs(weights["f_branch.head.conv.weight"] - start["f_branch.head.conv.weight"].asnumpy()).max() > 1e-4
    saved = read_checkpoint(parallel / "train_parallel" / "output" / "ckpt" / "MODNet_last.ckpt")
    for name, value in weights.items():
        np.testing.assert_array_equal(value, saved.weights[name].asnumpy(), err_msg=name)


def test_they_train_as_one_process_with_the_doubled_batch(parallel, tiny_config, tmp_path):
    whole_run(tiny_config, tmp_path / "output", "--batch_size", 2, *FLAGS)
    ours = losses(parallel / "train_parallel" / "output")
    assert ours.shape == (6, 4)
    np.testing.assert_allclose(ours, losses(tmp_path / "output"), rtol=1e-4)
    assert_trained_as_one(parallel, tmp_path / "output")


@pytest.mark.slow
def test_they_adapt_as_one_process_with_the_doubled_batch(soc_config, narrow_ckpt, tmp_path):
    """SOC in two processes: each has the backup of the weights that both share, and renews it after each epoch."""
    flags = ("--soc", "--optimizer", "sgd", "--ema_decay", 0)
    copy = two_processes(tmp_path, soc_config, *flags)
    weights, start = assert_equal_ranks(copy), read_checkpoint(narrow_ckpt).weights
    assert np.abs(weights["f_branch.head.conv.weight"] - start["f_branch.head.conv.weight"].asnumpy()).max() > 1e-5
    whole_run(soc_config, tmp_path / "output", "--batch_size", 2, *FLAGS, *flags)
    names = ("loss", "soc_semantic", "soc_detail")
    ours = losses(copy / "train_parallel" / "output", names)
    assert ours.shape == (6, 3)
    np.testing.assert_allclose(ours, losses(tmp_path / "output", names), rtol=1e-3, atol=1e-6)
    assert_trained_as_one(copy, tmp_path / "output")


def test_every_process_has_its_log(parallel):
    run = (parallel / "train_parallel").resolve()
    assert run.parent == parallel / "runs" and run.name.startswith("train_parallel-")
    log = (run / "train.log").read_text()
    assert "[TRAIN] epoch=2/2, iter=3/3" in log and "6 images, 3 steps an epoch" in log
    assert "[TRAIN]" not in (run / "log" / "worker_1.log").read_text()  # rank 0 alone speaks and writes
