"""Builds the native operators with the C++ compiler at hand: `python -m src.cpu_ops.build`.

The library lands in `build/cpu_ops/<hash>/`, where the hash covers the sources, the compiler's command, the
MindSpore wheel and the CPU, so a change in any of them makes a new one and a finished one is never touched.
MindSpore is not imported: the library must be known before that (see `environment.py`).
"""

import hashlib
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from src.log import logger, setup_logging

LIBRARY = "libmodnet_cpu.so"
_SOURCES = Path(__file__).parent / "native"
_ROOT = Path(__file__).parents[2] / "build" / "cpu_ops"
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
    command = _command()
    if isinstance(command, str):
        logger.info("native CPU operators: not built, %s; MindSpore's own operators are used", command)
        return None
    target = _ROOT / _fingerprint(command) / LIBRARY
    if target.exists():
        return target
    try:
        return _compile(command, target)
    except (OSError, subprocess.SubprocessError) as error:
        detail = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        logger.info("native CPU operators: building failed (%s); MindSpore's own operators are used", detail[:1])
        return None


def built_library() -> Path | None:
    """Path of the library for this machine if it was built before, else None; compiles nothing."""
    command = _command()
    if isinstance(command, str):
        return None
    target = _ROOT / _fingerprint(command) / LIBRARY
    return target if target.exists() else None


def _command() -> list[str] | str:
    """The compiler's command without output, or the reason why there is none."""
    if platform.machine() not in ("x86_64", "AMD64") or platform.system() != "Linux":
        return f"they are for Linux on x86-64, this is {platform.system()} on {platform.machine()}"
    onednn = _onednn()
    if onednn is None:
        return "the installed mindspore has no lib/libdnnl.so.3"
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        return "there is no C++ compiler (g++)"
    sources = [str(path) for path in sorted(_SOURCES.glob("*.cpp"))]
    return [compiler, *_FLAGS, *sources, str(onednn), f"-Wl,-rpath,{onednn.parent}"]


def _onednn() -> Path | None:
    """oneDNN's library inside the mindspore wheel, found without importing mindspore."""
    spec = importlib.util.find_spec("mindspore")
    if spec is None or not spec.submodule_search_locations:
        return None
    library = Path(spec.submodule_search_locations[0]) / "lib" / "libdnnl.so.3"
    return library if library.exists() else None


def _fingerprint(command: list[str]) -> str:
    digest = hashlib.sha256()
    # The wheel's path is in the library's run path; the sources' own place makes no difference.
    digest.update("\n".join([command[0], *_FLAGS, command[-2], _cpu()]).encode())
    wheel = Path(command[-2]).stat()
    digest.update(f"{wheel.st_size} {wheel.st_mtime_ns}".encode())
    for path in sorted(_SOURCES.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def cpu_flags() -> set[str]:
    """Instruction sets of this CPU, as Linux names them."""
    return set(_cpu().partition("\n")[2].split())


def _cpu() -> str:
    """Model name and, on the next line, instruction sets."""
    found = {}
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    except OSError:
        return f"{platform.processor()}\n"
    return f"{found.get('model name', '')}\n{found.get('flags', '')}"


def _compile(command: list[str], target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(suffix=".so", dir=target.parent)
    os.close(handle)
    try:
        subprocess.run([*command, "-o", unfinished], check=True, capture_output=True, text=True, timeout=_TIMEOUT)
        os.replace(unfinished, target)
    finally:
        Path(unfinished).unlink(missing_ok=True)
    logger.info("native CPU operators: built %s", target)
    return target


def main() -> int:
    setup_logging()
    path = build()
    if path is not None:
        logger.info("native CPU operators: ready (%s)", path)
    return 0 if path is not None else 1


if __name__ == "__main__":
    sys.exit(main())
