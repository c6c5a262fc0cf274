"""MindSpore's compile cache for the training step, made safe: one folder for each graph that can be.

Compiling a step takes MindSpore ten to twenty seconds, reading the compiled graph back one or two. MindSpore itself
watches few of the things that a graph depends on, so all of them go into the folder's name here.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mindspore as ms

from ..backend import cpu_ops
from ..common.log import logger
from ..common.paths import PACKAGE, cache_folder

# Whose code becomes part of the graph.
COMPILED = ("models", "backend/cpu_ops", "training", "losses", "spec")
KEPT = 20  # graphs
_used: list[str] = []  # MindSpore reads the cache's path once in a process, so only its first step can be cached


def cache_root() -> Path | None:
    """$MODNET_COMPILE_CACHE, or a folder in the user's cache; None where the variable says "0"."""
    said = os.environ.get("MODNET_COMPILE_CACHE", "")
    if said == "0":
        return None
    if said:
        return Path(said)
    cache = cache_folder()
    return cache / "steps" if cache else None


def graph_key(*facts: Any) -> str:
    """Name for the graph of a step: `facts` (their repr) with MindSpore's version, our sources and operators.

    The running program is in it because MindSpore rejects a graph that another one stored.
    """
    program = os.path.realpath(sys.argv[0])
    around = ms.__version__, program, cpu_ops.available(), cpu_ops.library_path()
    digest = hashlib.sha256(repr((around, facts)).encode())
    for name in COMPILED:
        part = PACKAGE / name
        for path in sorted(part.rglob("*.py")) if part.is_dir() else [part]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _new_folder() -> Path | None:
    """A folder in the cache for a graph that is not there yet; None where there can be no cache."""
    root = cache_root()
    # MindSpore reads the running program's imports, so it must be a file, which `python -c` is not.
    if root is None or _used or not os.path.isfile(sys.argv[0]):
        return None
    try:
        root.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".new-", dir=root))
    except OSError:  # a read-only home, a full disk
        return None


@contextmanager
def compile_cache(key: str) -> Iterator[None]:
    """Within, the one graph that is compiled is taken from the cache, or put there once it is whole.

    For the first step of a process; later ones are compiled without a cache.
    """
    building = _new_folder()
    if building is None:
        yield
        return
    _used.append(key)
    stored = building.parent / key
    known = stored.is_dir()
    if known:
        os.utime(stored)
        logger.info("training step: compiled graph from %s", stored)
    ms.set_context(enable_compile_cache=True, compile_cache_path=str(stored if known else building))
    try:
        yield
        if not known:
            _keep(building, stored)
    finally:
        ms.set_context(enable_compile_cache=False)
        shutil.rmtree(building, ignore_errors=True)


def _keep(building: Path, stored: Path) -> None:
    """Move a finished folder into its place, and drop those unused for longest."""
    try:
        building.rename(stored)
        folders = sorted((p for p in stored.parent.iterdir() if p.name[0] != "."), key=lambda p: p.stat().st_mtime)
    except OSError:  # another process was faster, or the disk is gone: the cache is a convenience
        return
    for path in folders[:-KEPT]:
        shutil.rmtree(path, ignore_errors=True)
