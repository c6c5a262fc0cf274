"""Where the images meet the network: in order, and in batches of one size."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar, overload

import numpy as np

from ..runtime.base import Predictor


@dataclass(frozen=True)
class Prepared:
    """An image that is ready for the network.

    Attributes:
        name: the file, or the frame's number.
        image: uint8 RGB [H, W, 3].
        x: the network's input, as `Predictor.prepare` makes it.
        plate: the background of a composite, uint8 RGB [H, W, 3]; None blurs the image's own, or there is no composite.
    """

    name: str | int
    image: np.ndarray
    x: np.ndarray
    plate: np.ndarray | None = None


@dataclass(frozen=True)
class Unusable:
    """An image that cannot be matted, and why."""

    name: str | int
    error: str


Item = TypeVar("Item", bound=Prepared)


@overload
def run_network(
    predictor: Predictor, items: Iterable[Item], batch_size: int = 1
) -> Iterator[tuple[Item, np.ndarray]]: ...
@overload
def run_network(
    predictor: Predictor, items: Iterable[Item | Unusable], batch_size: int = 1
) -> Iterator[tuple[Item, np.ndarray] | Unusable]: ...
def run_network(
    predictor: Predictor, items: Iterable[Item | Unusable], batch_size: int = 1
) -> Iterator[tuple[Item, np.ndarray] | Unusable]:
    """Each item with the network's output, float32 [1, 1, h, w] in [0, 1], in order; unusable ones as they are.

    Neighbours whose inputs have one size go through the network together, at most `batch_size` of them. A model of a
    fixed batch gets its own size, filled up with repetitions.
    """
    batch_size = predictor.form.batch or batch_size
    group: list[Item] = []
    for item in items:
        if isinstance(item, Unusable):
            yield from _run_group(predictor, group)
            group = []
            yield item
            continue
        if group and group[0].x.shape != item.x.shape:
            yield from _run_group(predictor, group)
            group = []
        group.append(item)
        if len(group) == batch_size:
            yield from _run_group(predictor, group)
            group = []
    yield from _run_group(predictor, group)


def _run_group(predictor: Predictor, group: Sequence[Item]) -> Iterator[tuple[Item, np.ndarray]]:
    if not group:
        return
    missing = (predictor.form.batch or 0) - len(group)
    inputs = [item.x for item in group] + [group[-1].x] * max(0, missing)
    outputs = predictor.run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    for item, output in zip(group, outputs, strict=False):
        yield item, output[None]
