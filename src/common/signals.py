"""Ctrl-C and SIGTERM as a request to stop at the next good moment, with everything done until then saved."""

import _thread
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .errors import MattingError
from .log import logger


class Interrupted(MattingError):
    """A signal came and the state has been saved; the exit status is the shell's for that signal."""

    def __init__(self, number: int, checkpoint: str) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}; continue with --resume {checkpoint}")
        self.exit_status = exit_status(number)


def exit_status(number: int) -> int:
    """The shell's status for a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + number


@contextmanager
def collect_signals(answer: str) -> Iterator[list[int]]:
    """Yield a list that receives SIGINT and SIGTERM; a second one of a kind takes effect at once.

    One that the process was started to ignore, as shells do with SIGINT for background jobs, stays ignored.

    Args:
        answer: what the program will do about the first one, for the log.
    """
    received: list[int] = []

    def note(number: int, _frame: Any) -> None:
        received.append(number)
        logger.warning("%s received: %s", signal.Signals(number).name, answer)
        signal.signal(number, previous[number])

    heeded = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    previous = {int(number): signal.signal(number, note) for number in heeded}
    try:
        yield received
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def keep_interrupts() -> None:
    """Let Python alone decide about Ctrl-C from now on, whatever handlers a library's native code sets.

    MindSpore sets its own whenever a compiled graph runs, which turns SIGINT into a SIGTERM to its own process. So the
    signal is blocked, and a thread takes it and hands it to Python's handler. Threads inherit what is blocked: call it
    before a library starts any; where MindSpore is here already, nothing is done.
    """
    if "mindspore" in sys.modules or threading.current_thread() is not threading.main_thread():
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    threading.Thread(target=_hand_on_interrupts, name="interrupts", daemon=True).start()


def _hand_on_interrupts() -> None:
    while True:
        signal.sigwait({signal.SIGINT})
        _thread.interrupt_main(signal.SIGINT)


def run_program(command: Sequence[str], cwd: Path | None = None) -> int:
    """Run a program that may have something to save; its exit status as the shell's, 143 where SIGTERM ended it.

    SIGINT and SIGTERM to this process are handed on to it, and it is awaited. It has a process group of its own, so
    that Ctrl-C at the terminal does not reach it a second time.
    """
    process: subprocess.Popen[bytes] | None = None
    received: list[int] = []

    def hand_on(number: int, _frame: Any) -> None:
        received.append(number)
        if process is not None:
            with suppress(ProcessLookupError):
                process.send_signal(number)

    heeded = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) is not signal.SIG_IGN]
    previous = {number: signal.signal(number, hand_on) for number in heeded}
    try:
        process = subprocess.Popen(command, cwd=cwd, process_group=0)
        for number in received:  # those that came before there was anybody to have them
            process.send_signal(number)
        status = process.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
    if status < 0:
        return exit_status(-status)
    return exit_status(received[0]) if received and status == 0 else status
