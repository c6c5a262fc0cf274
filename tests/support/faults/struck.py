"""train.py as it is, but for a signal that it sends itself at the n-th time that a moment comes.

python -m tests.support.faults.struck MOMENT TIMES SIGNAL [arguments of train.py]
"""

import os
import signal
import sys

from src.backend.environment import prepare_environment
from src.common.cli import run_command
from src.common.signals import keep_interrupts
from src.programs import train


def arm(moment: str, times: int, number: int) -> None:
    """In the process that trains: send the signal when the time has come."""
    import mindspore as ms

    from src.training.output import RunOutput
    from src.training.run_records import RunRecords
    from src.training.step import TrainStep

    left = times

    def strike() -> bool:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)
        return left == 0

    def before(owner: object, name: str) -> None:
        original = getattr(owner, name)

        def struck(*arguments: object, **keywords: object) -> object:
            strike()
            return original(*arguments, **keywords)

        setattr(owner, name, struck)

    if moment == "half a save":
        save = ms.save_checkpoint

        def half(entries: object, path: str, **keywords: object) -> None:
            save(entries, path, **keywords)
            if left == 1 and number == signal.SIGKILL:
                os.truncate(path, os.path.getsize(path) // 2)
            strike()

        ms.save_checkpoint = half
        return
    owners = {"step": (TrainStep, "__call__"), "save": (ms, "save_checkpoint"), "rename": (os, "replace"),
              "validation": (RunOutput, "_network_to_score"), "log": (RunRecords, "record")}  # fmt: skip
    before(*owners[moment])


if __name__ == "__main__":
    prepare_environment("CPU")
    keep_interrupts()  # before MindSpore, as train.py does
    arm(sys.argv.pop(1), int(sys.argv.pop(1)), int(sys.argv.pop(1)))
    run_command(train.main)
