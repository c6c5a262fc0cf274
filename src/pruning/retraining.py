"""Prune a checkpoint, train what is left, score both, and put them into a table: four programs one after another.

Each is a process of its own, since MindSpore keeps what one of them set up. A MODNet learns with the dense network as
its teacher, and with batch norms, which cost nothing once deployed, unless somebody asked for other norms.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import CheckpointError
from ..common.log import logger
from ..common.signals import run_program
from ..spec.modnet import ModNetSpec
from ..spec.serialisation import SPECS

Call = Callable[[str, Sequence[str]], int]  # (verb of the command `modnet`, its arguments) -> exit status


@dataclass(frozen=True)
class Retraining:
    """What is pruned and trained, and how.

    Attributes:
        folder: of the run; gets `pruned`, `output`, `eval` and `table`.
        config: YAML file of all four programs.
        checkpoint: the dense network.
        device_id: number of the device.
        prune: more arguments of prune.py.
        train: more arguments of train.py.
        norm_given: whether the configuration or some arguments say which norms the result has.
    """

    folder: Path
    config: Path
    checkpoint: str
    device_id: int
    prune: tuple[str, ...]
    train: tuple[str, ...]
    norm_given: bool

    @property
    def pruned(self) -> Path:
        """Folder of the pruned network."""
        return self.folder / "pruned"

    @property
    def student(self) -> str:
        """The pruned checkpoint, before training."""
        return str(self.pruned / "pruned.ckpt")

    @property
    def common(self) -> tuple[str, ...]:
        """Arguments that prune.py, train.py and eval.py share."""
        return "--config", str(self.config), "--device_id", str(self.device_id)


def run_verb(verb: str, arguments: Sequence[str]) -> int:
    """Run one program in a process of its own; its exit status."""
    package = __name__.partition(".")[0]
    command = [sys.executable, "-u", "-m", f"{package}.programs", verb, *arguments]
    return run_program(command)


def prune_and_retrain(job: Retraining, call: Call = run_verb) -> int:
    """Run the four programs; the exit status of the first that fails, else 0."""
    steps = (("prune", _prune), ("train", _train), ("eval", _evaluate), ("prune-table", _table))
    for verb, arguments in steps:  # each looks at what those before it left
        if status := call(verb, arguments(job)):
            return status
    return 0


def _prune(job: Retraining) -> list[str]:
    return [*job.common, "--ckpt_path", job.checkpoint, "--output_path", str(job.pruned), *job.prune]


def _train(job: Retraining) -> list[str]:
    output = "--output_path", str(job.folder / "output")
    return [*job.common, "--ckpt_path", job.student, *_teaching(job), *output, *job.train]


def _teaching(job: Retraining) -> list[str]:
    """Teacher and norms of the training, by the pruned network's kind."""
    network = json.loads((job.pruned / "report.json").read_text(encoding="utf-8"))["network"]
    if SPECS[network] is not ModNetSpec:
        logger.info("the pruned network learns without a teacher: distillation is for MODNets")
        return []
    if job.norm_given:
        logger.info("the pruned network keeps the norms that were asked for")
        return ["--teacher", job.checkpoint]
    logger.info(
        "the pruned network is retrained with batch norms, which cost nothing once deployed; --norm ib keeps its "
        "IBNorms"
    )
    return ["--teacher", job.checkpoint, "--norm", "batch"]


def _evaluate(job: Retraining) -> list[str]:
    found = sorted((job.folder / "output" / "ckpt").glob("*_best.ckpt"))  # named after the network
    if not found:
        raise CheckpointError(
            f"Training left no checkpoint *_best.ckpt in {job.folder / 'output' / 'ckpt'}: it was never scored. Train "
            "at least as many epochs as `val_interval`."
        )
    models = job.checkpoint, job.student, *map(str, found)
    return [*job.common, "--model", *models, "--output_path", str(job.folder / "eval")]


def _table(job: Retraining) -> list[str]:
    return [str(job.folder / "eval" / "comparison.json"), "--output", str(job.folder / "table")]
