"""Stages that overlap: each keeps the order of its items and only so many of them at a time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from src.runtime.base import Predictor

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_HELPERS = 8
# Items that wait between two stages: enough to even out their pace, few enough for pictures of 50 megapixels.
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


@dataclass(frozen=True)
class Picture:
    """A picture on its way to the network.

    Attributes:
        name: the caller's own mark (a file, a frame's number).
        image: uint8 RGB [H, W, 3]; None for one that could not be used.
        x: the network's input, as `Predictor.prepare` makes it.
        plate: what stands behind the person, uint8 RGB [H, W, 3]; None for blur or no composite.
        thumbnail: as `src.inference.smoothing.make_thumbnail` makes it, for OFD.
        error: why there is no image.
        seconds: when a camera took it, since the first.
    """

    name: Any
    image: np.ndarray | None = None
    x: np.ndarray | None = None
    plate: np.ndarray | None = None
    thumbnail: np.ndarray | None = None
    error: str = ""
    seconds: float = 0.0


Matted = tuple[Picture, np.ndarray | None]


def run_network(predictor: Predictor, pictures: Iterable[Picture], batch_size: int = 1) -> Iterator[Matted]:
    """Each picture with the network's output [1, 1, h, w] (None without an image), in order.

    Neighbours whose inputs are of one size go through the network together, at most `batch_size` of them. A model of a
    fixed batch gets its own size, filled up with repetitions.
    """
    batch_size = predictor.form.batch or batch_size
    group: list[Picture] = []
    for picture in pictures:
        fits = picture.x is not None and (not group or group[0].x.shape == picture.x.shape)
        if not fits:
            yield from _run_group(predictor, group)
            group = []
        if picture.x is None:
            yield picture, None
            continue
        group.append(picture)
        if len(group) == batch_size:
            yield from _run_group(predictor, group)
            group = []
    yield from _run_group(predictor, group)


def _run_group(predictor: Predictor, group: list[Picture]) -> Iterator[Matted]:
    if not group:
        return
    missing = (predictor.form.batch or 0) - len(group)
    inputs = [picture.x for picture in group] + [group[-1].x] * max(0, missing)
    outputs = predictor.run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    for picture, output in zip(group, outputs, strict=False):
        yield picture, output[None]
