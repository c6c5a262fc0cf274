"""The command lines, one module a program: arguments in, one call, exit status.

Start with `modnet.py`, the one command over all of them; `train.py` and its neighbours at the top of a checkout are the
same functions. Programs may import everything below them, and no program imports another.
"""

from ..common.cli import call_main, run_command


def run(name: str) -> None:
    """Run the program of that module name with the process's arguments, and leave with its exit status."""
    run_command(lambda: call_main(f"{__name__}.{name}", f"{name}.py"))
