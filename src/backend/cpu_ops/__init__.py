"""Fast training operators for MindSpore on x86-64 CPUs, on NHWC maps.

MindSpore's own CPU convolutions insist on NCHW and fall to slow kernels; these call the oneDNN library of the
same wheel with the layout it is fastest in, and fuse what surrounds a convolution. They are optional. The first use
builds them (`build.py`); where that cannot be, one line says so, `available()` is False and nothing else changes.

Importing this package does not import MindSpore; `src.backend.cpu_ops.operators` does.
"""

import ctypes
import functools
import os

from ...common.log import logger


@functools.cache
def library_path() -> str | None:
    """The library's path, built first where needed; None, with one log line, where it cannot be had or loaded."""
    from .build import build, onednn_library

    path = build()
    if path is None:
        return None
    try:
        # First the oneDNN that the library needs, by its path in the wheel: the library knows it by name alone.
        ctypes.CDLL(str(onednn_library()))
        ctypes.CDLL(str(path))
    except OSError as error:
        logger.warning(
            "native CPU operators: %s does not load (%s); MindSpore's own operators are used, with which a training "
            "step takes about three times as long. Delete the file: the next start builds it again.",
            path,
            error,
        )
        return None
    return str(path)


def available() -> bool:
    """True if the native operators can be used here and the user did not set MODNET_CPU_OPS=0; may build them."""
    return os.environ.get("MODNET_CPU_OPS") != "0" and library_path() is not None


@functools.cache
def _multiplies_bf16() -> bool:
    return bool(ctypes.CDLL(library_path()).modnet_has_bf16())


def bf16() -> bool:
    """True if the operators can be used here and the CPU multiplies bfloat16 (AVX512_BF16, as AMX's CPUs have too)."""
    return available() and _multiplies_bf16()


__all__ = ["available", "bf16", "library_path"]
