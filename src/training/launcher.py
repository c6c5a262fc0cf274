"""Start the processes of a data-parallel run, watch them, and end all of them when one ends or somebody says so.

MindSpore's msrun does the first alone: it leaves processes behind when it is ended, and kills all without a chance to
save when one of them fails. The environment that the processes get is the one that msrun gives them.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from ..common.files import make_folder
from ..common.log import logger
from ..common.signals import exit_status
from ..common.text import count_of
from .cluster import Cluster, reserve_port
from .guard import Guard
from .members import LOOK_SECONDS, SAVE_SECONDS, SCHEDULER, Job, Member, end_all, say_in_both_logs

LAUNCHER = "MODNET_LAUNCHER"  # in the environment of a rank: the process that started it
HANG_SECONDS = 15.0  # for rank 0 to save after another has ended, when it may wait for that for ever
_SETTLE_SECONDS = 2.0  # for ranks that fail for the same reason to say so
_FINISH_SECONDS = 60.0  # for the others to end after rank 0 has finished
_MEET_SECONDS = "600"  # how long processes wait for those of other machines, as under msrun


class Launcher:
    """The processes of one machine, from their start to the last one's end."""

    def __init__(self, cluster: Cluster, job: Job) -> None:
        self.cluster, self.job = cluster, job
        self.logs = job.folder / "log"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.received: list[int] = []
        self._shown = 0

    def run(self) -> int:
        """Start all processes and wait for them; the exit status is that of the first that failed, else 0."""
        with reserve_port(self.cluster), Guard(self.job) as guard:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if number == signal.SIGINT or signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, self._note)
            make_folder(self.logs)
            if self.cluster.machine == 0:
                guard.tell(self._start(SCHEDULER, self.logs / "scheduler.log", {"MS_ROLE": "MS_SCHED", "RANK_ID": "0"}))
            for device, rank in enumerate(self.cluster.ranks):
                role = {"MS_ROLE": "MS_WORKER", "MS_NODE_ID": str(rank), "RANK_ID": str(rank), "DEVICE_ID": str(device)}
                guard.tell(self._start(f"rank {rank}", self._log(rank), role))
            logger.info("%s of %d, meeting at %s:%d; a log of each is in %s",
                        count_of(len(self.cluster.ranks), "process"), self.cluster.size, self.cluster.address,
                        self.cluster.port, self.logs)  # fmt: skip
            return self._watch()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.received.append(number)

    def _log(self, rank: int) -> Path:
        return self.logs / f"worker_{rank}.log"

    def _start(self, name: str, log: Path, role: dict[str, str]) -> Member:
        cluster, devices = self.cluster, ",".join(self.cluster.devices)
        environment = {
            "MS_WORKER_NUM": str(cluster.size),
            "MS_SCHED_HOST": cluster.address,
            "MS_SCHED_PORT": str(cluster.port),
            "MS_TOPO_TIMEOUT": _MEET_SECONDS,
            "RANK_SIZE": str(cluster.size),
            "CUDA_VISIBLE_DEVICES": devices,
            "ASCEND_RT_VISIBLE_DEVICES": devices,
            LAUNCHER: str(os.getpid()),
        }
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.job.command,
                env=os.environ | environment | role,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name] = process
        return Member(name, process.pid)

    @property
    def _ranks(self) -> dict[str, subprocess.Popen[bytes]]:
        return {name: process for name, process in self.processes.items() if name != SCHEDULER}

    @property
    def _leader(self) -> str:
        """Rank 0, or this machine's first rank."""
        return f"rank {self.cluster.ranks[0]}"

    def _watch(self) -> int:
        """Until all have ended, one has failed or a signal has come; all are ended in each case."""
        leader_left: float | None = None
        while True:
            self._wait()
            if self.received:
                return self._stop()
            if failed := next((name for name, process in self.processes.items() if process.returncode), None):
                return self._fail(failed)
            if all(process.returncode == 0 for process in self._ranks.values()):
                return self._finish()
            if self.processes[self._leader].returncode == 0:
                leader_left = leader_left or time.monotonic()
                if time.monotonic() - leader_left > _FINISH_SECONDS:
                    logger.warning("%s has finished, others go on: they are killed", self._leader)
                    return self._finish()

    def _wait(self) -> None:
        """Show what the first rank has said, note who has ended, and sleep a little."""
        for process in self.processes.values():
            process.poll()
        with contextlib.suppress(FileNotFoundError), self._log(self.cluster.ranks[0]).open("rb") as file:
            file.seek(self._shown)
            new = file.read()
        self._shown += len(new)
        _show(new)
        time.sleep(LOOK_SECONDS)

    def _end(self, seconds: float) -> None:
        members = [Member(name, process.pid) for name, process in self.processes.items()]
        leader = next(member for member in members if member.name == self._leader)
        end_all(members, leader, seconds, self._wait)
        for process in self.processes.values():
            process.wait()
        self._wait()

    def _stop(self) -> int:
        number = self.received[0]
        logger.warning("%s received: %s saves, then all processes end", signal.Signals(number).name, self._leader)
        self._end(SAVE_SECONDS)
        self._last_words(f"stopped by {signal.Signals(number).name}. {self.job.how_to_resume()}")
        return exit_status(number)

    def _fail(self, name: str) -> int:
        status = self.processes[name].returncode
        until = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < until and any(process.returncode is None for process in self._ranks.values()):
            self._wait()
        if self.processes[self._leader].returncode:  # the one that is shown
            name, status = self._leader, self.processes[self._leader].returncode
        if name == SCHEDULER:
            log = self.logs / "scheduler.log"
        else:
            log = self.logs / f"worker_{name.removeprefix('rank ')}.log"
        what = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        if name != self._leader:
            for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:]:
                logger.error("%s: %s", name, line)
        logger.error("%s %s (its log: %s): all processes end", name, what, log)
        self._end(HANG_SECONDS)
        self._last_words(f"{name} {what}. {self.job.how_to_resume()}")
        return exit_status(-status) if status < 0 else status

    def _finish(self) -> int:
        scheduler = self.processes.get(SCHEDULER)
        if scheduler:
            with contextlib.suppress(subprocess.TimeoutExpired):
                scheduler.wait(10)
        for name, process in self.processes.items():
            Member(name, process.pid).end()
        self._wait()
        return 0

    def _last_words(self, text: str) -> None:
        say_in_both_logs(self.job, text)


def _show(text: bytes) -> None:
    try:
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
    except OSError:  # the terminal or the pipe is gone; the run goes on
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def launch(cluster: Cluster, job: Job) -> int:
    """Run a job on this machine's devices to its end; the exit status."""
    return Launcher(cluster, job).run()
