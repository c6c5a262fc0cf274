"""Several ways to do the same thing, timed in turns."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import numpy as np

Item = TypeVar("Item")


def in_turns(items: Sequence[Item], rounds: int) -> Iterator[Item]:
    """Each item once a round, every round beginning one item later: A B C, B C A, C A B, ...

    So whatever else the machine does meets all of them, and none always follows the same other one.
    """
    for number in range(rounds):
        start = number % len(items)
        yield from (*items[start:], *items[:start])


def median_seconds(ways: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Median seconds of each way, by the clock and of all cores; a round before them does not count."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for name in in_turns(list(ways), 1 + rounds):
        start = time.perf_counter(), time.process_time()
        ways[name]()
        seconds[name].append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return {name: np.median(values[1:], axis=0).tolist() for name, values in seconds.items()}
