"""Several ways to do the same thing, timed in turns."""

import time
from collections.abc import Callable

import numpy as np


def measure(ways: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Median seconds of each way, by the clock and of all cores; a round before them does not count."""
    seconds = {name: [] for name in ways}
    for _ in range(1 + rounds):
        for name, way in ways.items():
            start = time.perf_counter(), time.process_time()
            way()
            seconds[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {name: np.median(values[1:], axis=0).tolist() for name, values in seconds.items()}
