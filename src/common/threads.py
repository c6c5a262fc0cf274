"""Stages that overlap: each keeps the order of its items and only so many of them at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_HELPERS = 8
# Items that wait between two stages: enough to even out their pace, few enough for images of 50 megapixels.
AHEAD = 2


def helpers() -> int:
    """Threads for the work beside the network."""
    return max(1, min(_MOST_HELPERS, (os.cpu_count() or 1) - 1))


def ordered(
    executor: Executor, function: Callable[[Item], Result], items: Iterable[Item], ahead: int = AHEAD
) -> Iterator[Result]:
    """function(item) for each item, in order, computed by `executor` while the caller works on earlier ones.

    At most `ahead` + 1 results are under way or waiting. What `function` raises comes out at its item's turn. With an
    executor of one thread the calls are made one after another, in order.
    """
    waiting: deque[Future[Result]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in reversed(waiting):  # the newest first, so that no earlier one is left out of what is done
            future.cancel()
