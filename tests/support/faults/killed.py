"""Trainings that end by a signal at a chosen moment, in processes of their own."""

import random
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.support.programs import Outcome, run_program
from tests.support.training_runs import last_checkpoint, untimed_rows

RECIPE = ("--optimizer", "adamw", "--lr", 0.003, "--lr_schedule", "cosine", "--ema_decay", 0.6)
MOMENTS = ("step", "save", "half a save", "rename", "validation", "log")


@dataclass(frozen=True)
class Blow:
    """A signal at the `times`-th time (from 1) that the moment comes, once something has been saved."""

    moment: str
    times: int
    number: int

    def __str__(self) -> str:
        return f"{signal.Signals(self.number).name} at {self.moment} {self.times}"


def random_blow(rng: random.Random) -> Blow:
    """Any moment of a run of six steps and two epochs that comes after its first save."""
    moment = rng.choice(MOMENTS)
    most = {"validation": 2, "log": 6}.get(moment, 5)
    number = rng.choice((signal.SIGKILL, signal.SIGTERM, signal.SIGINT))
    return Blow(moment, rng.randrange(1 if moment == "validation" else 2, most + 1), number)


def struck_run(blow: Blow, config: Path, folder: Path, *options: object) -> Outcome:
    """A run that the blow ends; every step is saved."""
    arguments = (blow.moment, blow.times, int(blow.number), "--config", config, "--output_path", folder)
    command = (sys.executable, "-m", "tests.support.faults.struck", *arguments, "--save_last_minutes", 0, *options)
    return run_program(*command)


def plain_run(config: Path, folder: Path, *options: object) -> Outcome:
    """A run to its end in a process of its own, which takes the compiled step of the others from the cache."""
    arguments = ("--config", config, "--output_path", folder, "--save_last_minutes", 0, *options)
    done = run_program(sys.executable, "train.py", *arguments)
    assert done.status == 0, done.out + done.err
    return done


def differences(one: Path, other: Path) -> list[str]:
    """What differs, bit for bit, between the last checkpoints, the records and the files of two runs."""
    a, b = last_checkpoint(one), last_checkpoint(other)
    found = [] if a.meta == b.meta else [f"description: {a.meta.train} {b.meta.train}"]
    for ours, theirs in ((a.weights, b.weights), (a.state, b.state)):
        found += [f"only one has {name}" for name in ours.keys() ^ theirs.keys()]
        found += [name for name in ours.keys() & theirs.keys()
                  if not np.array_equal(ours[name].asnumpy(), theirs[name].asnumpy())]  # fmt: skip
    if untimed_rows(one) != untimed_rows(other):
        found.append("metrics.csv")
    names = [{str(p.relative_to(root)) for p in root.rglob("*") if "events" not in p.parts} for root in (one, other)]
    found += sorted(f"only one has the file {name}" for name in names[0] ^ names[1] if not name.startswith("events"))
    return found
