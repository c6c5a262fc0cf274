"""The command lines, one module a program: arguments in, one call, exit status.

Start with `modnet.py`, the one command over all of them; `train.py` and its neighbours at the top of a checkout are the
same functions. Programs may import everything below them, and no program imports another.
"""

from importlib import import_module

from ..common.cli import run_command


def run(name: str) -> None:
    """Run the program of that module name with the process's arguments, and leave with its exit status."""
    run_command(import_module(f".{name}", __name__).main)
