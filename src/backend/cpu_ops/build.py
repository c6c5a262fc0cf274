"""Builds the native operators with the C++ compiler at hand: `python -m src.backend.cpu_ops.build`.

The library lands in `build/cpu_ops/<hash>/`, where the hash covers the sources, the compiler's flags, the
MindSpore wheel and the CPU, so a change in any of them makes a new one and a finished one is never touched.
MindSpore is not imported: the library must be known before that (see `environment.py`).
"""

import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

from ...common.log import logger, setup_logging
from ...common.paths import REPOSITORY

LIBRARY = "libmodnet_cpu.so"
_SOURCES = Path(__file__).parent / "native"
_ROOT = REPOSITORY / "build" / "cpu_ops"
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


def build() -> Path | None:
    """Path of the finished library, built first where needed; None, with one log line, where that cannot be."""
    try:
        return built_library() or _compile()
    except _CannotBuildError as error:
        logger.info("native CPU operators: not built, %s; MindSpore's own operators are used", error)
        return None


def built_library() -> Path | None:
    """Path of the library for this machine if it was built before, else None; compiles nothing."""
    try:
        target = _target()
    except _CannotBuildError:
        return None
    return target if target.exists() else None


class _CannotBuildError(Exception):
    """The text says why the operators cannot be had here."""


def _target() -> Path:
    """Where the library for these sources, this wheel and this CPU belongs."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() != "Linux":
        raise _CannotBuildError(f"they are for Linux on x86-64, this is {platform.system()} on {platform.machine()}")
    onednn = _onednn()
    wheel = onednn.stat()
    # The wheel's path is in the library's run path; the sources' own place makes no difference.
    parts = [*_FLAGS, str(onednn), str(wheel.st_size), str(wheel.st_mtime_ns), _cpu()]
    digest = hashlib.sha256("\n".join(parts).encode())
    for path in sorted(_SOURCES.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return _ROOT / digest.hexdigest()[:16] / LIBRARY


def _onednn() -> Path:
    """The library of oneDNN inside the mindspore wheel, found without importing mindspore."""
    spec = importlib.util.find_spec("mindspore")
    folders = spec.submodule_search_locations if spec else None
    library = Path(folders[0]) / "lib" / "libdnnl.so.3" if folders else None
    if library is None or not library.exists():
        raise _CannotBuildError("no installed mindspore has lib/libdnnl.so.3")
    return library


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


def _compile() -> Path:
    target, onednn = _target(), _onednn()
    sources = [str(path) for path in sorted(_SOURCES.glob("*.cpp"))]
    command = [*_compiler(), *_FLAGS, *sources, str(onednn), f"-Wl,-rpath,{onednn.parent}"]
    unfinished = target.with_name(f".{os.getpid()}-{LIBRARY}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run([*command, "-o", str(unfinished)], check=True, capture_output=True, text=True, timeout=_TIMEOUT)
        os.replace(unfinished, target)
    except (OSError, subprocess.SubprocessError) as error:
        lines = (getattr(error, "stderr", None) or "").splitlines()
        raise _CannotBuildError(next((line for line in lines if "error" in line), str(error))) from error
    finally:
        unfinished.unlink(missing_ok=True)
    logger.info("native CPU operators: built %s", target)
    return target


def _compiler() -> list[str]:
    """CXX if the user set it, else g++ or c++."""
    words = shlex.split(os.environ.get("CXX", "")) or [shutil.which("g++") or shutil.which("c++") or "g++"]
    if shutil.which(words[0]) is None:
        raise _CannotBuildError(f"there is no C++ compiler ({words[0]}; the environment variable CXX names another)")
    return words


def main() -> None:
    """Status 0 in any case: the operators are optional, and the log says what became of them."""
    setup_logging()
    path = build()
    if path is not None:
        logger.info("native CPU operators: ready (%s)", path)


if __name__ == "__main__":
    main()
