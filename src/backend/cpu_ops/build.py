"""Builds the native operators, once, with the C++ compiler at hand: on first use, or by `python -m` this module.

The library lands in the user's cache, `~/.cache/modnet-mindspore/cpu_ops/<key>/`. The key covers the sources, the
compiler and its flags, the CPU, and the MindSpore wheel with its oneDNN, so a change in any of them makes a new
library and a finished one is never touched. No path is in the key or in the library: all checkouts and environments
of a machine share it. MindSpore is not imported: the library must be known before that (see `environment.py`).
"""

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...common.log import logger, setup_logging
from ...common.paths import cache_folder

LIBRARY = "libmodnet_cpu.so"
CACHE_VARIABLE = "MODNET_CPU_OPS_CACHE"  # names another folder for the libraries
_SOURCES = Path(__file__).parent / "native"
_ONEDNN = "mindspore/lib/libdnnl.so.3"  # in the wheel
_FLAGS = [
    "-O3",
    "-march=native",
    "-std=c++17",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-fvisibility=hidden",
    "-shared",
    "-pthread",
]
_TIMEOUT = 300  # seconds
_USUAL = 10  # seconds that a build takes
_COST = "MindSpore's own operators are used, with which a training step takes about three times as long"


def build() -> Path | None:
    """Path of the finished library, built first where needed.

    None where the operators cannot be had, with one log line; without one where there is no MindSpore to use them.
    """
    try:
        facts = _facts()
    except _NotForHereError as error:
        logger.debug("native CPU operators: %s", error)
        return None
    try:
        compiler = _compiler()
        target = _target(facts, compiler)
        return target if target.exists() else _compile(target, compiler)
    except _CannotBuildError as error:
        if (other := _of_any_compiler(facts)) is not None:
            return other
        logger.warning("native CPU operators: not built, %s; %s", error, _COST)
        return None


def built_library() -> Path | None:
    """Path of the library for this machine if it was built before, else None; compiles nothing."""
    try:
        facts = _facts()
    except _NotForHereError:
        return None
    try:
        target = _target(facts, _compiler())
    except _CannotBuildError:
        return _of_any_compiler(facts)
    return target if target.exists() else None


class _NotForHereError(Exception):
    """The text says why this machine or environment has no use for the operators."""


class _CannotBuildError(Exception):
    """The text says why the operators cannot be had here."""


def _root() -> Path:
    """The folder of all libraries."""
    if named := os.environ.get(CACHE_VARIABLE):
        return Path(named).absolute()
    cache = cache_folder()
    if cache is None:
        raise _CannotBuildError(f"there is no home folder for a cache (the variable {CACHE_VARIABLE} names a folder)")
    return cache / "cpu_ops"


def _facts() -> str:
    """Key for what a library depends on beside the compiler: sources, flags, CPU, and the wheel with its oneDNN."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() != "Linux":
        raise _NotForHereError(f"they are for Linux on x86-64, this is {platform.system()} on {platform.machine()}")
    digest = hashlib.sha256("\n".join([*_FLAGS, *_wheel(onednn_library()), _cpu()]).encode())
    for path in sorted(_SOURCES.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _target(facts: str, compiler: list[str]) -> Path:
    """Where the library of this compiler belongs; its place on the disk makes no difference, its version does."""
    try:
        said = subprocess.run(
            [*compiler, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_USUAL
        ).stdout
    except (OSError, subprocess.SubprocessError):
        said = ""
    version = "\n".join([*said.splitlines()[:1], *compiler[1:]])
    return _root() / f"{facts}-{hashlib.sha256(version.encode()).hexdigest()[:8]}" / LIBRARY


def _of_any_compiler(facts: str) -> Path | None:
    """A library for these facts by whichever compiler, for where this one builds none."""
    try:
        return next(iter(sorted(_root().glob(f"{facts}-*/{LIBRARY}"))), None)
    except (_CannotBuildError, OSError):
        return None


def onednn_library() -> Path:
    """The library of oneDNN inside the mindspore wheel, found without importing mindspore."""
    spec = importlib.util.find_spec("mindspore")
    folders = spec.submodule_search_locations if spec else None
    library = Path(folders[0]).parent / _ONEDNN if folders else None
    if library is None or not library.exists():
        raise _NotForHereError(f"no installed mindspore has {_ONEDNN}")
    return library


def _wheel(onednn: Path) -> tuple[str, str]:
    """MindSpore's version, and the hash of its oneDNN: as the wheel's list of files has it, else computed."""
    try:
        wheel = importlib.metadata.distribution("mindspore")
    except importlib.metadata.PackageNotFoundError:
        return "", _sha256(onednn)
    if Path(str(wheel.locate_file(_ONEDNN))) == onednn:
        for line in (wheel.read_text("RECORD") or "").splitlines():
            name, _, rest = line.partition(",")
            listed, _, size = rest.partition(",")
            if name == _ONEDNN and listed and size == str(onednn.stat().st_size):
                return wheel.version, listed
    return wheel.version, _sha256(onednn)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cpu() -> str:
    """Model name and, on the next line, instruction sets."""
    found: dict[str, str] = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    except OSError:
        return f"{platform.processor()}\n"
    return f"{found.get('model name', '')}\n{found.get('flags', '')}"


def _compile(target: Path, compiler: list[str]) -> Path:
    """Build `target`, or wait for the process that does; it appears whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _alone(target.parent):
            if not target.exists():
                logger.info("native CPU operators: building them, once (about %d s)", _USUAL)
                _run(compiler, target)
                logger.info("native CPU operators: built %s", target)
    except OSError as error:
        raise _CannotBuildError(
            f"{error.filename or target.parent} cannot be written ({error.strerror or error}); the variable "
            f"{CACHE_VARIABLE} names another folder"
        ) from error
    return target


def _run(compiler: list[str], target: Path) -> None:
    # Linked by the name libdnnl.so.3 alone: whoever loads the library has loaded the wheel's oneDNN before.
    sources = [str(path) for path in sorted(_SOURCES.glob("*.cpp"))]
    unfinished = target.with_name(f".{os.getpid()}-{LIBRARY}")
    unfinished.write_bytes(b"")  # whether the folder can be written is known before a compiler has worked for nothing
    command = [*compiler, *_FLAGS, *sources, str(onednn_library()), "-o", str(unfinished)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT)
        if done.returncode:
            lines = done.stderr.splitlines() or [f"{compiler[0]} ended with status {done.returncode}"]
            raise _CannotBuildError(next((line for line in lines if "error" in line), lines[-1]))
        os.replace(unfinished, target)
    except subprocess.SubprocessError as error:
        raise _CannotBuildError(f"{compiler[0]} took more than {_TIMEOUT} s") from error
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Within, no other process builds in `folder`; what broken-off builds left there is gone.

    On a file system without locks, or where the other process does not come to an end, each builds for itself.
    """
    import fcntl  # not on Windows, where this module can be imported

    descriptor, deadline = os.open(folder, os.O_RDONLY), time.monotonic() + _TIMEOUT
    try:
        while time.monotonic() < deadline:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(0.1)
                continue
            except OSError:
                break
            for left in folder.glob(f".*-{LIBRARY}"):
                left.unlink(missing_ok=True)
            break
        yield
    finally:
        os.close(descriptor)


def _compiler() -> list[str]:
    """CXX if the user set it, else g++, c++ or clang++."""
    found = next(filter(None, map(shutil.which, ("g++", "c++", "clang++"))), "g++")
    words = shlex.split(os.environ.get("CXX", "")) or [found]
    if shutil.which(words[0]) is None:
        raise _CannotBuildError(f"there is no C++ compiler ({words[0]}; the variable CXX names another)")
    return words


def main() -> None:
    """Status 0 in any case: the operators are optional, and the log says what became of them."""
    setup_logging()
    path = build()
    if path is not None:
        logger.info("native CPU operators: ready (%s)", path)


if __name__ == "__main__":
    main()
