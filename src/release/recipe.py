"""The released networks from nothing: the table of all steps, and what a step is.

A step that has left its result is not done again, and an interrupted training goes on. `checkpoint` of a name is
FOLDER/NAME.ckpt; `best:STEP` is a training's checkpoint of the lowest validation MSE.
"""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..common.errors import CheckpointError
from ..common.files import whole_file
from ..common.log import logger
from ..common.signals import run_program
from ..common.text import natural_order

_FINISHED = "training finished"  # the last line of train.log


@dataclass(frozen=True)
class Workplace:
    """Where the steps work.

    Attributes:
        source: the clone of the Clothing Co-Parsing data set.
        folder: for all that the steps make.
        extra: more arguments for every training.
        checkout: of this repository; programs run there.
        python: runs the programs.
    """

    source: Path
    folder: Path
    extra: tuple[str, ...] = ()
    checkout: Path = field(default_factory=Path.cwd)
    python: str = field(default_factory=lambda: os.environ.get("PYTHON", sys.executable))

    def call(self, *words: str | Path) -> None:
        """Run a program of the checkout to its end; CalledProcessError where it fails."""
        command = [self.python, *map(str, words)]
        if status := run_program(command, self.checkout):
            raise subprocess.CalledProcessError(status, command)

    def checkpoint(self, name: str) -> Path:
        """The file that a name of the table means; CheckpointError for the best of a training that left none."""
        kind, _, step = name.rpartition(":")
        return self.best(step) if kind == "best" else self.folder / f"{name}.ckpt"

    def best(self, step: str) -> Path:
        """A training's checkpoint of the lowest validation MSE."""
        found = sorted((self.folder / step / "ckpt").glob("*_best.ckpt"))
        if not found:
            raise CheckpointError(f"{self.folder / step} has no checkpoint *_best.ckpt. Remove it, and start again.")
        return found[0]

    def put(self, file: Path, name: str) -> None:
        """Copy a checkpoint to its name, whole or not at all."""
        with whole_file(self.checkpoint(name)) as temporary:
            shutil.copyfile(file, temporary)


class Step(Protocol):
    """One row of the table."""

    def run(self, place: Workplace) -> None:
        """Do it, unless its result is there."""


@dataclass(frozen=True)
class Program:
    """A call of a program; `{source}` and `{folder}` in its words are the workplace's.

    Attributes:
        words: the program and its arguments.
        result: what it leaves, from the checkout; None: the program finds out by itself what is there.
    """

    words: str
    result: str | None = None

    def run(self, place: Workplace) -> None:
        """See `Step`."""
        names = {"source": place.source, "folder": place.folder}
        if self.result is None or not (place.checkout / self.result.format(**names)).exists():
            place.call(*(word.format(**names) for word in shlex.split(self.words)))


@dataclass(frozen=True)
class Train:
    """A training in FOLDER/NAME.

    Attributes:
        name: of the step.
        config: of `configs/`, without its suffix.
        start, teacher: checkpoints by name; None: none.
        options: more arguments of train.py.
    """

    name: str
    config: str
    start: str | None = None
    teacher: str | None = None
    options: str = ""

    def run(self, place: Workplace) -> None:
        """See `Step`; an interrupted training goes on."""
        folder = place.folder / self.name
        log = folder / "train.log"
        if log.is_file() and _FINISHED in log.read_text(encoding="utf-8", errors="replace"):
            return
        logger.info("== %s", self.name)
        words: list[str | Path] = ["--config", f"configs/{self.config}.yml", "--output_path", folder]
        for flag, name in (("--ckpt_path", self.start), ("--teacher", self.teacher)):
            words += [flag, place.checkpoint(name)] if name else []
        words += [*shlex.split(self.options), *place.extra]
        if any((folder / "ckpt").glob("*_last.ckpt")):
            words += ["--resume", folder]
        place.call("-u", "train.py", *words)


@dataclass(frozen=True)
class Keep:
    """The best checkpoint of a training under a name."""

    step: str
    name: str

    def run(self, place: Workplace) -> None:
        """See `Step`."""
        if not place.checkpoint(self.name).exists():
            place.put(place.best(self.step), self.name)


@dataclass(frozen=True)
class Mean:
    """The mean of weights of a training's last epochs and of what it started from, under a name.

    Attributes:
        name: of the result.
        step: the training.
        epochs: how many of its last epochs.
        start: a checkpoint by name; None: the epochs alone.
        half: the start makes half of the mean; else it counts as one epoch does.
    """

    name: str
    step: str
    epochs: int
    start: str | None = None
    half: bool = False

    def run(self, place: Workplace) -> None:
        """See `Step`."""
        output = place.checkpoint(self.name)
        if output.exists():
            return
        folder = place.folder / self.step / "ckpt"
        files = {path.name: path for path in folder.glob("MODNet-*_*.ckpt")}
        epochs = [files[name] for name in natural_order(files)][-self.epochs :]
        inputs = [*([place.checkpoint(self.start)] if self.start else []), *epochs]
        shares = ["--shares", str(len(epochs)), *["1"] * len(epochs)] if self.half else []
        if len(inputs) == 1:
            place.put(inputs[0], self.name)
        else:
            place.call("scripts/average.py", "--ckpt_path", *inputs, *shares, "--output", output)


@dataclass(frozen=True)
class Pseudo:
    """Photographs without labels with a network's mattes, as training data."""

    network: str
    images: str
    dataset: str

    def run(self, place: Workplace) -> None:
        """See `Step`; the images come last, so that a data set without mattes never looks finished."""
        part = place.checkout / self.dataset / "train"
        images, copying = part / "blurred_image", part / "copying"
        if images.exists():
            return
        place.call("infer.py", "--model", place.checkpoint(self.network), "--input", self.images, "--outputs", "alpha",
                   "--output", f"{self.dataset}/train/mask")  # fmt: skip
        shutil.rmtree(copying, ignore_errors=True)
        shutil.copytree(place.checkout / self.images, copying)
        copying.rename(images)


_BESIDE = "--teacher_runtime openvino@bf16"  # the teacher runs beside the step, which takes a third less time

DATA: tuple[Step, ...] = (
    Program("data/prepare_ccp.py --source {source} --output data/CCP"),
    Program("data/make_backgrounds.py configs/CCP.yml --output data/CCP-backgrounds"),
    Program("data/make_synthetic.py --output data/portraits --train 240 --validation 2"),
    Program("get_init_weight.py --input efficientnet_lite0", result="pretrained/mindspore_efficientnet_lite0.ckpt"),
)
# Small windows, larger ones, then windows of a whole photograph's shape. Photographs without labels join last, with
# the network's own mattes: it teaches itself what its two views, the image and its mirror image, agree on.
DENSE: tuple[Step, ...] = (
    Train("dense_256", "CCP"),
    Train("dense_256_more", "release", "best:dense_256", options="--lr 0.0007 --epoch_size 26"),
    Train("dense_448", "release_448", "best:dense_256_more", options="--epoch_size 4"),
    Keep("dense_448", "dense_0"),
    Train("dense_448_more", "release_448", "dense_0", options="--lr 0.0004 --epoch_size 7"),
    Mean("dense_1", "dense_448_more", 5, "dense_0", half=True),
    Train("dense_whole", "release_whole", "dense_1", options="--seed 7"),
    Mean("dense_2", "dense_whole", 5, "dense_1", half=True),
    Train("dense_whole_more", "release_whole", "dense_2", options="--lr 0.0003 --epoch_size 3 --seed 11"),
    Mean("dense_3", "dense_whole_more", 1, "dense_2"),
    Train("dense_whole_last", "release_whole", "dense_3", options="--epoch_size 4 --seed 21"),
    Mean("dense_4", "dense_whole_last", 4, "dense_3", half=True),
    Pseudo("dense_3", "data/CCP/unlabelled", "data/CCP-pseudo"),
    Train("dense_final", "release_final", "dense_4", "dense_4", f"{_BESIDE} --seed 81"),
    Keep("dense_final", "dense"),
)
# Pruned, then taught by the dense network as it was at the time.
PRUNED: tuple[Step, ...] = (
    Program(
        "prune.py --config configs/release_448.yml --ckpt_path {folder}/dense_0.ckpt --strategy budget "
        "--importance taylor --target macs=2.5G --multiple 8 --output_path {folder}/pruned",
        result="{folder}/pruned/pruned.ckpt",
    ),
    Train("student_384", "release_student", "pruned/pruned", "dense_0"),
    Train("student_448", "release_448", "best:student_384", "dense_0",
          "--lr 0.0012 --epoch_size 12 --val_interval 4"),
    Keep("student_448", "student_0"),
    Train("student_448_more", "release_448", "student_0", "dense_1", "--lr 0.001 --epoch_size 6"),
    Mean("student_1", "student_448_more", 5, "student_0", half=True),
    Train("student_448_last", "release_448", "student_1", "dense_1", "--lr 0.0003 --epoch_size 3"),
    Mean("student_2", "student_448_last", 3, "student_1"),
    Train("student_whole", "release_whole", "student_2", "dense_2", "--teacher_flip True --lr 0.001 --seed 7"),
    Mean("student_3", "student_whole", 5, "student_2", half=True),
    Mean("teacher", "dense_whole_last", 2, "dense_3", half=True),
    Train("student_pseudo", "release_pseudo", "student_3", "teacher", f"{_BESIDE} --seed 31"),
    Mean("student_4", "student_pseudo", 3, "student_3"),
)  # fmt: skip
# More channels where they cost little time, and the student's last trainings.
WIDENED: tuple[Step, ...] = (
    Program(
        "scripts/widen.py --ckpt_path {folder}/student_4.ckpt --output {folder}/wide.ckpt --widen "
        "'encoder.to32x.[0-8].expand.*=1.5' 'lr_branch.conv_lr16x.*=1.5' 'lr_branch.conv_lr8x.*=2' --multiple 8",
        result="{folder}/wide.ckpt",
    ),
    Train("student_wide", "release_pseudo", "wide", "dense_4", f"{_BESIDE} --epoch_size 10 --seed 51"),
    Mean("student_5", "student_wide", 5, "wide", half=True),
    Train("student_last", "release_pseudo", "student_5", "dense_4", f"{_BESIDE} --lr 0.0004 --epoch_size 3 --seed 61"),
    Keep("student_last", "student_6"),
    Train("student_more", "release_pseudo", "student_6", "dense", f"{_BESIDE} --lr 0.0005 --epoch_size 3 --seed 91"),
    Mean("student_7", "student_more", 1, "student_6"),
    Train("student_calm", "release_final", "student_7", "dense", f"{_BESIDE} --lr 0.0001 --epoch_size 4 --seed 101"),
    Mean("student_8", "student_calm", 3),
    Train("student_final", "release_final", "student_8", "dense", f"{_BESIDE} --seed 111"),
    Keep("student_final", "student"),
)
MMNET: tuple[Step, ...] = (Train("mmnet", "release_mmnet"), Keep("mmnet", "mmnet"))
STEPS: tuple[Step, ...] = (*DATA, *DENSE, *PRUNED, *WIDENED, *MMNET)


def train_release(place: Workplace, steps: Sequence[Step] = STEPS) -> int:
    """Do all steps that are not done yet; returns 0, or the exit status of the program that failed."""
    try:
        for step in steps:
            step.run(place)
    except subprocess.CalledProcessError as error:
        logger.error("stopped: %s. Start it again with the same arguments, and it goes on.", error)
        return error.returncode if error.returncode > 0 else 1
    logger.info("done: dense.ckpt, student.ckpt and mmnet.ckpt in %s; scripts/release.py makes the files of them",
                place.folder)  # fmt: skip
    return 0
