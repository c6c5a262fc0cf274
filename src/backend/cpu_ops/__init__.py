"""Fast training operators for MindSpore on x86-64 CPUs, on NHWC maps.

MindSpore's own CPU convolutions insist on NCHW and fall to slow kernels; these call the oneDNN library of the
same wheel with the layout it is fastest in, and fuse what surrounds a convolution. They are optional: where
the library is not built (`python -m src.backend.cpu_ops.build`), `available()` is False and nothing else changes.

Importing this package does not import MindSpore; `src.backend.cpu_ops.operators` does.
"""

import ctypes
import functools
import os

from ...common.log import logger


@functools.cache
def library_path() -> str | None:
    """The library's path if it was built for this machine and loads, else None."""
    from .build import built_library

    path = built_library()
    if path is None:
        return None
    try:
        ctypes.CDLL(str(path))
    except OSError as error:
        logger.warning("native CPU operators: %s does not load (%s); MindSpore's own operators are used", path, error)
        return None
    return str(path)


def available() -> bool:
    """True if the native operators can be used here and the user did not set MODNET_CPU_OPS=0."""
    return os.environ.get("MODNET_CPU_OPS") != "0" and library_path() is not None


__all__ = ["available", "library_path"]
