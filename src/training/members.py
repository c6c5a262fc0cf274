"""The processes of a data-parallel run: what they run, and how all of them are ended."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import CheckpointError
from ..common.log import logger, setup_logging
from .run_folder import find_resumable

SAVE_SECONDS = 20.0  # for rank 0 to finish its step and save
LOOK_SECONDS = 0.2  # between two looks at who still runs
SCHEDULER = "the scheduler"


@dataclass(frozen=True)
class Job:
    """What every process runs, and where the run writes.

    Attributes:
        program: a .py file, or a verb of the command `modnet`.
        arguments: the program's.
        folder: of the run; each process's log goes to `log/` in it.
    """

    program: str
    arguments: tuple[str, ...]
    folder: Path

    @property
    def command(self) -> list[str]:
        """The command line of each process."""
        if self.program.endswith(".py"):
            return [sys.executable, "-u", self.program, *self.arguments]
        package = __name__.partition(".")[0]
        return [sys.executable, "-u", "-m", f"{package}.programs", self.program, *self.arguments]

    @property
    def output(self) -> Path:
        """The folder that --output_path names."""
        found = [b for a, b in zip(self.arguments, self.arguments[1:], strict=False) if a == "--output_path"]
        return Path(found[-1]) if found else self.folder / "output"

    def how_to_resume(self) -> str:
        """A sentence about the state that is left."""
        try:
            find_resumable(str(self.output))
        except CheckpointError:
            return "Nothing was saved yet: start anew."
        return f"Go on with --resume {self.output}"


@dataclass(frozen=True)
class Member:
    """One process; it leads a process group of its own, in which the workers that it starts are too."""

    name: str
    pid: int

    def alive(self) -> bool:
        """Whether it still runs; one that has ended and that nobody asked about does not."""
        try:
            state = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
        except OSError:
            return False
        return state.split()[0] not in "ZX"

    def ask(self) -> None:
        """Ask it to save and end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def end(self) -> None:
        """End it and everything that it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)


def end_all(members: Sequence[Member], leader: Member, seconds: float, wait: Callable[[], object]) -> None:
    """Let `leader` save within that many seconds, then end all; the others have nothing to save.

    They are not asked: a rank that leaves first would leave rank 0 waiting for it in its step.
    """
    if leader.alive():
        leader.ask()
        until = time.monotonic() + seconds
        while leader.alive() and time.monotonic() < until:
            wait()
        if leader.alive():
            logger.error("%s did not end within %d s of SIGTERM: it is killed", leader.name, seconds)
    for member in members:
        member.end()


def say_in_both_logs(job: Job, text: str) -> None:
    """An error line for the launcher's output and, where the run has come to have a log of its own, for that."""
    own = job.output / "train.log"
    setup_logging(own if own.is_file() else None)
    logger.error("%s", text)
