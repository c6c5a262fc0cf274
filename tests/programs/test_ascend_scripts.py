"""The scripts for Ascend are those for GPUs with the device named; no card is needed to see what they start."""

from pathlib import Path

import pytest

from tests.support.programs import checkout, run_script


@pytest.fixture
def echo(tmp_path: Path) -> Path:
    """A folder with `python` and `msrun` that print their arguments."""
    for name in ("python", "msrun"):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text('#!/bin/sh\necho "$@"\n')
        program.chmod(0o755)
    return tmp_path / "bin" / "python"


@pytest.mark.parametrize(
    ("script", "devices"),
    [("run_standalone_train_ascend.sh", ["1"]), ("run_distributed_train_ascend.sh", ["2", "0,1"])],
)
def test_ascend_scripts_name_the_device_before_the_users_own_arguments(script, devices, echo: Path, tmp_path: Path):
    copy = checkout(tmp_path / "copy")
    config = tmp_path / "any.yml"
    config.write_text("")
    done = run_script(copy, script, config, *devices, "--epoch_size", 3, FOREGROUND="1", PYTHON=echo)
    assert done.status == 0, done.out + done.err
    said = done.out.split()
    assert said[said.index("--device_target") + 1] == "Ascend"
    assert said.index("--device_target") < said.index("--epoch_size")
    assert said[said.index("--epoch_size") + 1] == "3" and str(config) in said


def test_too_few_arguments_get_the_usage(tmp_path: Path):
    copy = checkout(tmp_path / "copy")
    for script in ("run_standalone_train_ascend.sh", "run_distributed_train_ascend.sh"):
        done = run_script(copy, script, "P3M.yml")
        assert done.status == 2 and f"Usage: bash scripts/{script} CONFIG_PATH" in done.err
