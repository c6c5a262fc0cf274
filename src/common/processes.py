"""Run one function over many items on all cores, with a progress bar, so that Ctrl-C leaves whole files."""

import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context, parent_process
from typing import TypeVar

import cv2

from .errors import ConfigError, MattingError
from .malloc import keep_freed_memory
from .progress import progress

Item = TypeVar("Item")
Result = TypeVar("Result")

# Every worker computes on one thread: the parallel part is the workers, and more threads than cores slow both.
_SINGLE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")


class WorkerError(MattingError):
    """A worker process that the system ended."""

    exit_status = 1


def check_workers(workers: int | None) -> int:
    """The number of worker processes: `workers`, or one per usable core where it is None."""
    if workers is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if workers < 1:
        raise ConfigError(f"--workers is {workers}; give 1 or more, or leave it out for one per core.")
    return workers


def run_jobs(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, label: str
) -> Iterator[tuple[Item, Result]]:
    """Yield (item, function(item)) as they finish, in no fixed order; `workers=1` stays in this process.

    `function` and the items must be picklable and `function` must write its files whole or not at all.
    On Ctrl-C the jobs under way are finished, no new one begins and KeyboardInterrupt goes on to the
    caller. Whatever `function` raises ends the run. Raises WorkerError where a worker was killed.
    """
    workers = min(workers, len(items))
    jobs = _here(function, items) if workers <= 1 else _in_pool(function, items, workers)
    with progress(len(items), "job", label=label, lines=False) as bar:
        for item, result in jobs:
            bar.step()
            yield item, result


def _here(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[Item, Result]]:
    for item in items:
        yield item, function(item)


def _in_pool(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[tuple[Item, Result]]:
    # Libraries read these variables when they are first imported, hence fresh processes, not forks.
    given = {name: os.environ.get(name) for name in _SINGLE_THREAD}
    os.environ.update(_SINGLE_THREAD)
    pool = ProcessPoolExecutor(workers, get_context("spawn"), _start_worker)
    try:
        futures: dict[Future, Item] = {pool.submit(function, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise WorkerError(
            "A worker process was ended by the system, most likely for want of memory. What is finished is kept: "
            f"run the same command again with fewer --workers (now {workers})."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        for name, value in given.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides; a worker finishes its file
    cv2.setNumThreads(1)
    keep_freed_memory()
    threading.Thread(target=_leave_with_parent, daemon=True).start()


def _leave_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
