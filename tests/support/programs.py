"""Configurations for small runs, and the programs of the top level run inside the test's own process."""

import contextlib
import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

from src.common.cli import run_command
from src.common.log import logger

ROOT = Path(__file__).resolve().parents[2]


def tiny_values(dataset: Path, checkpoint: Path) -> dict[str, Any]:
    """Configuration as a dict; batches of two 64x64 crops, prepared in the training process itself."""
    tail = [{"type": "Normalize"}, {"type": "Transpose"}]
    train = [
        {"type": "LoadImages"},
        {"type": "ResizeByShort", "ref_size": 96},
        {"type": "RandomCrop", "crop_size": [64, 64]},
        {"type": "GenTrimap"},
        {"type": "RandomHorizontalFlip"},
    ]
    validation = [{"type": "LoadImages"}, {"type": "ResizeByShort", "ref_size": 64, "gt_field": []}]
    part = "validation/P3M-500-P"
    return {
        "train_dataset": _section(dataset, "train", [*train, *tail]),
        "val_dataset": _section(dataset, part, [*validation, *tail]),
        "ckpt_path": str(checkpoint),
        "backbone_pretrained": False,
        "device_target": "CPU",
        "epoch_size": 2,
        "log_print_interval": 1,
    }


def _section(dataset: Path, part: str, transforms: list[dict[str, Any]]) -> dict[str, Any]:
    paths = {"dataset_root": str(dataset), "img_subpath": f"{part}/blurred_image", "alpha_subpath": f"{part}/mask"}
    return {"name": "P3M-10k", **paths, "workers": 0, "batch_size": 2, "transforms": transforms}


def write_yaml(path: Path, values: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    return path


@dataclass(frozen=True)
class Outcome:
    """How a program ended."""

    status: int
    out: str
    err: str

    def assert_refused(self) -> str:
        """The only text on stderr is one `error: ...` without a traceback, and the status is 2; returns the text."""
        assert self.status == 2, (self.status, self.out, self.err)
        assert self.err.startswith("error: ") and self.err.count("error: ") == 1, self.err
        assert "Traceback" not in self.err + self.out
        return self.err


def run_main(main: Callable[[], int | None], *arguments: Any) -> Outcome:
    """Call an entry point as its program would, in this process."""
    out, err, argv = io.StringIO(), io.StringIO(), ["program", *map(str, arguments)]
    status = 0
    with mock.patch.object(sys, "argv", argv), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run_command(main)
        except SystemExit as leaving:
            status = leaving.code
        finally:
            for handler in list(logger.handlers):  # they hold the redirected streams
                logger.removeHandler(handler)
                handler.close()
    return Outcome(status, out.getvalue(), err.getvalue())


def run_program(*command: Any, cwd: Path = ROOT, timeout: float = 300, **environment: str) -> Outcome:
    """Run a command of its own process to its end."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def checkout(folder: Path) -> Path:
    """A working copy in which the scripts may make runs/ and links: scripts are copied, all else points to ours."""
    folder.mkdir()
    for name in ("src", "train.py", "eval.py", "prune.py"):
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    return folder


def run_script(folder: Path, name: str, *arguments: Any, cwd: Path | None = None, **environment: str) -> Outcome:
    """`bash scripts/NAME ARGUMENTS` of a checkout, with the Python that runs the tests."""
    command = ("bash", folder / "scripts" / name, *arguments)
    return run_program(*command, cwd=cwd or folder, **{"PYTHON": sys.executable} | environment)


def metrics_rows(folder: Path) -> list[dict[str, str]]:
    """Rows of a run's metrics.csv."""
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))
