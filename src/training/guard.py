"""A process beside the launcher of a data-parallel run, for when the launcher is killed."""

import contextlib
import os
import signal
import time

from ..common.log import logger
from .members import LOOK_SECONDS, SAVE_SECONDS, SCHEDULER, Job, Member, end_all, say_in_both_logs


class Guard:
    """A process that ends all members when the launcher is killed, which nothing can tell them otherwise.

    It waits at a pipe, whose other end is the launcher's alone. The launcher writes the members into it, and a last
    line when everything is well.
    """

    _WELL = "well"

    def __init__(self, job: Job) -> None:
        self.job = job

    def __enter__(self) -> "Guard":
        read, self._write = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                os.close(self._write)
                self._guard(read)
            finally:
                os._exit(0)
        os.close(read)
        return self

    def tell(self, member: Member) -> None:
        """One more process to end."""
        self._say(f"{member.pid} {member.name}")

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        if kind is None:
            self._say(self._WELL)
        os.close(self._write)
        os.waitpid(self._pid, 0)

    def _say(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._write, f"{line}\n".encode())

    def _guard(self, read: int) -> None:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        with os.fdopen(read, encoding="utf-8") as pipe:
            lines = pipe.read().splitlines()
        if self._WELL in lines:
            return
        members = [Member(name, int(pid)) for pid, name in (line.split(" ", 1) for line in lines)]
        if not members:
            return
        leader = next((member for member in members if member.name != SCHEDULER), members[0])
        logger.error("the launcher was killed: %s saves, then all processes end", leader.name)
        end_all(members, leader, SAVE_SECONDS, lambda: time.sleep(LOOK_SECONDS))
        say_in_both_logs(self.job, f"the launcher was killed. {self.job.how_to_resume()}")
