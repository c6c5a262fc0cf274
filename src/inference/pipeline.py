"""Stages that overlap: each keeps the order of its items and only so many of them at a time."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..runtime.base import Predictor


@dataclass(frozen=True)
class PipelineItem:
    """An image on its way to the network.

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


Matted = tuple[PipelineItem, np.ndarray | None]


def run_network(predictor: Predictor, pictures: Iterable[PipelineItem], batch_size: int = 1) -> Iterator[Matted]:
    """Each image with the network's output [1, 1, h, w] (None without an image), in order.

    Neighbours whose inputs are of one size go through the network together, at most `batch_size` of them. A model of a
    fixed batch gets its own size, filled up with repetitions.
    """
    batch_size = predictor.form.batch or batch_size
    group: list[PipelineItem] = []
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


def _run_group(predictor: Predictor, group: list[PipelineItem]) -> Iterator[Matted]:
    if not group:
        return
    missing = (predictor.form.batch or 0) - len(group)
    inputs = [picture.x for picture in group] + [group[-1].x] * max(0, missing)
    outputs = predictor.run(inputs[0] if len(inputs) == 1 else np.concatenate(inputs))
    for picture, output in zip(group, outputs, strict=False):
        yield picture, output[None]
