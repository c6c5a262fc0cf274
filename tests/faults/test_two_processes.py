"""Two processes into one folder at the same time: nothing is lost or mixed, and one of them is told."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from src.checkpoint.file import read_checkpoint
from src.programs import eval as scoring
from src.programs import make_synthetic, prune, quantize, train
from tests.support.faults.killed import plain_run
from tests.support.programs import ROOT, run_main

pytestmark = pytest.mark.slow
_CLAIM = """
import sys
from src.common.files import claim_folder
sys.stdin.readline()
print(claim_folder(sys.argv[1], ("run.yml",)), flush=True)
sys.stdin.readline()
"""


def claimants(folder: Path, number: int) -> list[subprocess.Popen]:
    command = [sys.executable, "-c", _CLAIM, str(folder)]
    return [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True)
            for _ in range(number)]  # fmt: skip


def test_a_race_for_one_folder(tmp_path):
    processes = claimants(tmp_path / "run", 8)
    for process in processes:
        process.stdin.write("now\n")
        process.stdin.flush()
    got = [process.stdout.readline().strip() for process in processes]
    for process in processes:
        process.communicate("end\n")
    assert sorted(got) == sorted(str(tmp_path / name) for name in ("run", *(f"run-{k}" for k in range(2, 9))))


@pytest.fixture
def taken(tmp_path) -> Iterator[Path]:
    """A folder that another process writes to; it has written nothing yet."""
    (process,) = claimants(tmp_path / "out", 1)
    process.stdin.write("now\n")
    process.stdin.flush()
    assert process.stdout.readline() == f"{tmp_path / 'out'}\n"
    yield tmp_path / "out"
    process.communicate("end\n")


def test_programs_that_make_room_beside_it(taken, narrow_models, tiny_config):
    done = run_main(scoring.main, "--config", tiny_config, "--model", narrow_models[".onnx"], "--output_path", taken)
    assert done.status == 0, done.err
    assert os.listdir(taken) == [] and "eval.json" in os.listdir(f"{taken}-2")


@pytest.mark.parametrize("program", [prune, quantize, make_synthetic], ids=lambda program: program.__name__)
def test_programs_that_write_where_they_are_told(program, taken, narrow_ckpt, narrow_models):
    arguments = {
        prune: ("--ckpt_path", narrow_ckpt, "--output_path", taken),
        quantize: ("--model", narrow_models[".onnx"], "--dtype", "fp16", "--output_path", taken),
        make_synthetic: ("--output", taken, "--train", 1, "--validation", 1, "--size", 64, "--workers", 1),
    }[program]
    done = run_main(program.main, *arguments)
    assert f"error: Another process writes to {taken} now. Wait for its end" in done.err and done.status == 2
    assert os.listdir(taken) == []


def test_two_trainings(taken, tiny_config):
    """The second one goes beside the first; to resume where another one trains is refused."""
    done = plain_run(tiny_config, taken, "--epoch_size", 1)
    beside = Path(f"{taken}-2")
    assert f"{taken} holds another run" in done.out and os.listdir(taken) == []
    assert read_checkpoint(beside / "ckpt" / "MODNet_last.ckpt").meta.step == 3
    shutil.copytree(beside, taken, dirs_exist_ok=True)
    before = sorted(os.listdir(taken))
    refused = run_main(train.main, "--config", tiny_config, "--output_path", taken, "--resume", taken)
    assert refused.status == 2 and f"Another process writes to {taken} now" in refused.err
    assert sorted(os.listdir(taken)) == before
