"""Memory that is freed and asked for again at once."""

import ctypes
from functools import cache

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of mallopt(3)
_LARGEST_BLOCK, _MOST_KEPT = 1 << 25, 1 << 28


@cache
def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 32 MiB, 256 MiB in all; True where the C library can (glibc).

    By default glibc returns the megabytes of every image to the system and gets them back empty, page by page:
    some 2,000 page faults a training sample, up to half of its time on a virtual machine. Once is enough.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(
        mallopt(_MMAP_THRESHOLD, _LARGEST_BLOCK) and mallopt(_TRIM_THRESHOLD, _MOST_KEPT)
    )
