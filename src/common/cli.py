"""What every command line of the project shares: error reporting and exit status."""

import argparse
import errno
import io
import math
import os
import sys
from collections.abc import Callable
from importlib import import_module

from .checks import MOST_WHOLE, SEEDS, shown
from .errors import DeviceError, MattingError
from .files import end_folders
from .text import truth_of

# The extra that brings a package, "" for what is always needed; all others come with `train`.
EXTRAS = dict.fromkeys(("fastapi", "fastapi_offline", "prometheus_client", "starlette", "uvicorn"), "[serve]")
EXTRAS |= dict.fromkeys(("PIL", "cv2", "isal", "numpy", "onnxruntime", "simplejpeg"), "")


def parse_share(text: str) -> float:
    """`10%` or `0.1` -> 0.1, at least 0; for the `type` of an option."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a share such as 10% or 0.1, got {shown(text)}")
    return share


def parse_finite(text: str) -> float:
    """A number that is neither infinite nor NaN; for the `type` of an option."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise argparse.ArgumentTypeError(f"expected a finite number, got {shown(text)}")
    return value


def parse_whole(text: str) -> int:
    """A whole number that 32 bits hold; for the `type` of an option."""
    try:
        value = int(text)
    except ValueError:
        value = MOST_WHOLE + 1
    if abs(value) > MOST_WHOLE:
        raise argparse.ArgumentTypeError(f"expected a whole number up to {MOST_WHOLE}, got {shown(text)}")
    return value


def parse_truth(text: str) -> bool:
    """`True`, `yes`, `1` or `False`, `no`, `0`; for the `type` of an option."""
    try:
        return truth_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected True or False, got {text!r}") from None


def parse_positive(text: str) -> int:
    """A whole number from 1 to a billion; for the `type` of an option."""
    if not (text.isdecimal() and len(text) <= 10 and 1 <= int(text) <= 1_000_000_000):
        raise argparse.ArgumentTypeError(f"expected a whole number, 1 to 1000000000, got {text!r}")
    return int(text)


def parse_seed(text: str) -> int:
    """A whole number from 0 to 4294967295; for the `type` of an option."""
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if not 0 <= seed < SEEDS:
        raise argparse.ArgumentTypeError(f"expected a seed, 0 to {SEEDS - 1}, got {shown(text)}")
    return seed


def call_main(module: str, program: str) -> int | None:
    """What `main` of a program's module returns; DeviceError where a package that it needs is not installed."""
    try:
        return import_module(module).main()
    except ModuleNotFoundError as error:
        package = str(error.name).split(".")[0]
        if package == __name__.split(".")[0]:
            raise  # one of our own modules: the fault is ours
        extra = EXTRAS.get(package, "[train]")
        raise DeviceError(
            f"`{program}` needs {package}, which is not installed. Run: pip install 'modnet-mindspore{extra}', or in "
            "a checkout: bash scripts/setup.sh"
        ) from error


def run_command(main: Callable[[], int | None]) -> None:
    """Run `main` and leave with its status: 2 for a user's mistake, 130 for Ctrl-C, 1 for our own fault.

    A `MattingError` is printed as one `error: ...` text without a traceback; any other exception keeps
    its traceback, because then the fault is ours.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # files' names may be no UTF-8
    status = 1
    try:
        status = main() or 0
    except MattingError as error:
        print(f"error: {error}", file=sys.stderr)
        status = error.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:
        # The reader went away (`... | head`): not an error of ours, but stdout must not be flushed again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        print(f"error: {shown(error.filename)} is too long for a file's name.", file=sys.stderr)
        status = 2
    finally:
        end_folders(keep_empty=status == 0)
    sys.stdout.flush()
    sys.exit(status)
