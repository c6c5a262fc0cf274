"""Two CPU processes train as one with the doubled batch, and both hold the same weights."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from src.checkpoint.file import read_checkpoint
from src.training.launcher import LAUNCHER
from src.training.parallel import World
from tests.support.programs import ROOT, Outcome, checkout, metrics_rows, run_script
from tests.support.training_runs import whole_run

# The norms are frozen: with batch statistics each process would normalise by its own half of the batch.
FLAGS = ("--freeze_norm", True, "--lr", 0.002, "--val_interval", 0, "--ckpt_save_interval", 0)

# train.py of the working copy: the real one, after which each process writes its weights down. In the environment,
# DYING="rank step signal" sends one of them that signal when that step (from 0) begins.
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
import os
from src.training.step import TrainStep

def step(self, *arguments, original=TrainStep.__call__):
    dying, at, number = map(int, os.environ.get("DYING", "9 0 0").split())
    if (os.environ["RANK_ID"], arguments[-1]) == (str(dying), at):
        os.kill(os.getpid(), number)
    return original(self, *arguments)

TrainStep.__call__ = step
import runpy
runpy.run_path({str(ROOT / "train.py")!r}, run_name="__main__")
"""


def run_two(copy: Path, config: Path, *flags: object, **environment: str) -> Outcome:
    """Two processes with one image each a step."""
    flags = ("--device_target", "CPU", "--batch_size", 1, *FLAGS, *flags)
    return run_script(copy, "run_distributed_train_gpu.sh", config, 2, "0,1", *flags, FOREGROUND="1", **environment)


def working_copy(folder: Path) -> Path:
    copy = checkout(folder / "copy")
    (copy / "train.py").unlink()
    (copy / "train.py").write_text(PROGRAM)
    return copy


@dataclass(frozen=True)
class Run:
    """What two processes with one image each a step left: weights of both ranks, and the run's folder."""

    copy: Path
    folder: Path
    ranks: tuple[dict[str, np.ndarray], ...]

    @property
    def output(self) -> Path:
        return self.folder / "output"


def two_processes(copy: Path, config: Path, *flags: object) -> Run:
    done = run_two(copy, config, *flags)
    assert done.status == 0, done.out + done.err
    ranks = []
    for rank in range(2):
        with np.load(copy / f"rank{rank}_of_2.npz") as file:
            ranks.append(dict(file))
    return Run(copy, (copy / "train_parallel").resolve(), tuple(ranks))


@pytest.fixture(scope="module")
def parallel(tmp_path_factory, tiny_config) -> Run:
    """A run to its end; later runs of the same copy take its compiled step."""
    return two_processes(working_copy(tmp_path_factory.mktemp("distributed")), tiny_config)


def losses(folder: Path, names: tuple[str, ...] = ("loss", "semantic", "detail", "matte")) -> np.ndarray:
    """[step, names]"""
    return np.array([[float(row[k]) for k in names] for row in metrics_rows(folder) if row["loss"]])


def assert_equal_ranks(run: Run) -> dict[str, np.ndarray]:
    """Both processes ended with the same weights, which are returned."""
    first, second = run.ranks
    assert set(first) == set(second)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    return first


def assert_trained_as_one(run: Run, alone: Path) -> None:
    """The weights of two processes are those of one run in the folder `alone`."""
    expected = read_checkpoint(alone / "ckpt" / "MODNet_last.ckpt").weights
    for name, value in run.ranks[0].items():
        np.testing.assert_allclose(value, expected[name].asnumpy(), atol=1e-4, err_msg=name)


def test_both_processes_end_with_equal_weights(parallel, narrow_ckpt):
    weights, start = assert_equal_ranks(parallel), read_checkpoint(narrow_ckpt).weights
    assert set(weights) == set(start)
    assert np.abs(weights["f_branch.head.conv.weight"] - start["f_branch.head.conv.weight"].asnumpy()).max() > 1e-4
    saved = read_checkpoint(parallel.output / "ckpt" / "MODNet_last.ckpt")
    for name, value in weights.items():
        np.testing.assert_array_equal(value, saved.weights[name].asnumpy(), err_msg=name)


def test_they_train_as_one_process_with_the_doubled_batch(parallel, tiny_config, tmp_path):
    whole_run(tiny_config, tmp_path / "output", "--batch_size", 2, *FLAGS)
    ours = losses(parallel.output)
    assert ours.shape == (6, 4)
    np.testing.assert_allclose(ours, losses(tmp_path / "output"), rtol=1e-4)
    assert_trained_as_one(parallel, tmp_path / "output")


@pytest.mark.slow
def test_they_adapt_as_one_process_with_the_doubled_batch(soc_config, narrow_ckpt, tmp_path):
    """SOC in two processes: each has the backup of the weights that both share, and renews it after each epoch."""
    flags = ("--soc", "--optimizer", "sgd", "--ema_decay", 0)
    run = two_processes(working_copy(tmp_path), soc_config, *flags)
    weights, start = assert_equal_ranks(run), read_checkpoint(narrow_ckpt).weights
    assert np.abs(weights["f_branch.head.conv.weight"] - start["f_branch.head.conv.weight"].asnumpy()).max() > 1e-5
    whole_run(soc_config, tmp_path / "output", "--batch_size", 2, *FLAGS, *flags)
    names = ("loss", "soc_semantic", "soc_detail")
    ours = losses(run.output, names)
    assert ours.shape == (6, 3)
    np.testing.assert_allclose(ours, losses(tmp_path / "output", names), rtol=1e-3, atol=1e-6)
    assert_trained_as_one(run, tmp_path / "output")


def test_every_process_has_its_log(parallel):
    run = parallel.folder
    assert run.parent == parallel.copy / "runs" and run.name.startswith("train_parallel-")
    log = (run / "train.log").read_text()
    assert "[TRAIN] epoch=2/2, iter=3/3" in log and "6 images, 3 steps an epoch" in log
    assert "[TRAIN]" not in (run / "log" / "worker_1.log").read_text()  # rank 0 alone speaks and writes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("dying", "status", "saved", "words"),
    [("1 2 9", 137, 1, "rank 1 was ended by SIGKILL"), ("0 3 15", 143, 4, "rank 0 ended with status 143")],
)
def test_a_run_whose_process_was_ended_goes_on_as_if_it_had_not(parallel, tiny_config, dying, status, saved, words):
    """From what the first step saved, or from the step in which rank 0 was asked to stop."""
    copy = parallel.copy
    done = run_two(copy, tiny_config, DYING=dying)
    assert done.status == status, done.out + done.err
    output = (copy / "train_parallel" / "output").resolve()
    assert read_checkpoint(output / "ckpt" / "MODNet_last.ckpt").meta.step == saved
    for log in (done.out, (output / "train.log").read_text()):
        assert f"[ERROR] {words}. Go on with --resume {output}\n" in log
    again = run_two(copy, tiny_config, "--resume", "train_parallel")
    assert again.status == 0, again.out + again.err
    ours, expected = (
        read_checkpoint(folder / "output" / "ckpt" / "MODNet_last.ckpt")
        for folder in (copy / "train_parallel", parallel.folder)
    )
    assert ours.meta.step == expected.meta.step == 6
    for name, value in expected.weights.items():
        np.testing.assert_allclose(ours.weights[name].asnumpy(), value.asnumpy(), atol=1e-6, err_msg=name)


def test_rank_0_decides_and_the_others_tell_the_launcher(monkeypatch):
    """A rank that left by itself would leave rank 0 waiting for it in its step."""
    told = []
    monkeypatch.setattr("os.kill", lambda *call: told.append(call))
    assert World(0, 2).decides()
    assert not World(1, 2).decides() and not told
    monkeypatch.setenv(LAUNCHER, str(os.getppid()))
    assert World(0, 2).decides() and not told
    assert not World(1, 2).decides() and told == [(os.getppid(), signal.SIGTERM)]
