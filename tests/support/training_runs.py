"""Runs of train.py on a small configuration: whole, or interrupted in a process of their own; and their comparison."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from src.checkpoint.file import Checkpoint, read_checkpoint
from src.programs import train
from tests.support.programs import Outcome, metrics_rows, run_main, run_program

# train.py as it is, but for a SIGTERM that it sends itself when the step numbered {step} (from 0) begins.
_INTERRUPTED = """
import os, signal
from src.backend.environment import prepare_environment
prepare_environment("CPU")
from src.programs import train
from src.common.cli import run_command
from src.training.step import TrainStep

original = TrainStep.__call__

def signalled(self, *arguments):
    if arguments[-1] == {step}:
        os.kill(os.getpid(), signal.SIGTERM)
    return original(self, *arguments)

TrainStep.__call__ = signalled
run_command(train.main)
"""


def whole_run(config: Path, folder: Path, *options: Any) -> Outcome:
    done = run_main(train.main, "--config", config, "--output_path", folder, *options)
    assert done.status == 0, done.err
    return done


def interrupted_run(step: int, config: Path, folder: Path, *options: Any) -> Outcome:
    """A run that gets SIGTERM in its step numbered `step` (from 0), after which it stops."""
    program = _INTERRUPTED.format(step=step)
    done = run_program(sys.executable, "-c", program, "--config", config, "--output_path", folder, *options)
    assert done.status == 143 and "Traceback" not in done.err, (done.status, done.err)
    return done


def last_checkpoint(folder: Path) -> Checkpoint:
    return read_checkpoint(folder / "ckpt" / "MODNet_last.ckpt")


def untimed_rows(folder: Path) -> list[dict[str, str]]:
    """Rows of metrics.csv without the columns that differ between equal runs."""
    return [{k: v for k, v in row.items() if not k.endswith("_cost")} for row in metrics_rows(folder)]


def assert_same_run(one: Path, other: Path) -> None:
    """Weights, statistics, optimiser, averages, scores and losses are equal."""
    a, b = last_checkpoint(one), last_checkpoint(other)
    assert (a.meta.step, a.meta.epoch) == (b.meta.step, b.meta.epoch)
    best = b.meta.train["best_mse"]
    assert a.meta.train | {"best_mse": best} == b.meta.train and a.meta.train["best_mse"] == pytest.approx(best)
    for ours, theirs in ((a.weights, b.weights), (a.state, b.state)):
        assert set(ours) == set(theirs) and ours
        for name, value in ours.items():
            np.testing.assert_allclose(value.asnumpy(), theirs[name].asnumpy(), rtol=1e-6, atol=1e-7, err_msg=name)
    assert untimed_rows(one) == untimed_rows(other)
