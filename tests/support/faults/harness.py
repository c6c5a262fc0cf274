"""Runs cases in a process that is renewed when one of them ends it or never ends."""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from tests.support.faults.case import LONGEST, Case, Ended, faults
from tests.support.programs import ROOT

_START = 120.0  # seconds for importing MindSpore on a busy machine


@dataclass(frozen=True)
class Tried:
    """A case, how it ended, and what was wrong with that."""

    case: Case
    ended: Ended
    faults: list[str]

    def report(self) -> str:
        """For people, with the command."""
        command = " ".join(("python -m src.programs", self.case.program, *map(ascii, self.case.arguments)))
        return f"{self.case.kind}: {self.case.title}: {'; '.join(self.faults)}\n  {command}\n{self.ended.text}"


class Runner:
    """Runs cases, one after another."""

    def __init__(self, folder: Path) -> None:
        """`folder`: new, for what programs say and for what they leave in the current folder."""
        self.folder = folder
        folder.mkdir(parents=True)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Runner":
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._end()

    def try_all(self, cases: Iterable[Case]) -> Iterator[Tried]:
        """Run each case; one that did not end in time gets a second try in a new process: the machine may be busy."""
        for case in cases:
            ended = self.run(case)
            if ended.status is None:
                ended = self.run(case)
            yield Tried(case, ended, faults(case, ended))

    def run(self, case: Case) -> Ended:
        """Call the program once."""
        process = self._process or self._start()
        log = self.folder / "said.txt"
        job = {"program": case.program, "arguments": case.arguments, "log": str(log), "folder": str(self.folder),
               "disk": case.disk}  # fmt: skip
        began = time.monotonic()
        assert process.stdin is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = self._answer(LONGEST)
        seconds = time.monotonic() - began
        if isinstance(answer, int):
            status: int | None = answer
        else:
            status = None if process.poll() is None else -abs(process.returncode)
            self._end()
        return Ended(status, log.read_text(encoding="utf-8", errors="replace") if log.exists() else "", seconds)

    def _start(self) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "tests.support.faults.worker"]
        environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8:strict"}
        self._process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
        assert self._answer(_START) == "ready"
        return self._process

    def _answer(self, seconds: float) -> object:
        """What the process answers; None where it does not, in this time or because it has ended."""
        assert self._process is not None and self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], seconds)
        line = self._process.stdout.readline() if ready else ""
        if ready and not line:
            self._process.wait()
        return json.loads(line) if line else None

    def _end(self) -> None:
        """End the process, and those that it started."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process.pid, 9)
            self._process.communicate()
        self._process = None
