"""A process that calls one program after another: MindSpore is imported once for all of them.

Jobs come as lines of JSON, and so do the answers go. What a program says goes to a file, native code's too.
"""

import json
import os
import resource
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from src.backend.device import select_device
from src.backend.environment import prepare_environment
from src.common.cli import call_main, run_command
from src.common.log import logger


def main() -> None:
    """Work until the jobs end."""
    jobs, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    prepare_environment("CPU")
    select_device("CPU")  # imports MindSpore
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    print(json.dumps("ready"), file=answers, flush=True)
    for line in jobs:
        job = json.loads(line)
        log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        os.chdir(job["folder"])
        sys.argv = [f"{job['program']}.py", *job["arguments"]]
        with disk_of(job["disk"]):
            status = call(partial(call_main, f"src.programs.{job['program']}", job["program"]))
        print(json.dumps(status), file=answers, flush=True)


@contextmanager
def disk_of(most: int | None) -> Iterator[None]:
    """No file can be longer than this; writing on fails with EFBIG, as it does on a full disk with ENOSPC."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def call(main: Callable[[], int | None]) -> int:
    """The exit status of a program's `main`."""
    try:
        run_command(main)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
            handler.close()
        sys.stdout.flush()
        sys.stderr.flush()
    return 1


if __name__ == "__main__":
    main()
