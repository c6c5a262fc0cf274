"""Images for a network that is pruned: batches of a data set, and batch norms' statistics renewed with them."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import nn

from ..common.text import natural_order
from ..config.dataset import DatasetSpec
from ..data.pairs import files_by_stem
from ..data.samples import MattingSamples
from ..data.sequence import TrainingSequence
from ..imaging import crop_reflect, read_image, to_input
from ..models.norms import batch_norms
from ..spec.preprocess import Preprocess

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]


def training_batches(spec: DatasetSpec, count: int, seed: int = 0) -> Iterator[Batch]:
    """The first batches of a training run: image [N, 3, H, W], trimap and alpha [N, 1, H, W] in [0, 1], float32.

    A set of fewer images than `count` batches gives each image once or more, in new crops.
    """
    samples = MattingSamples(spec, training=True, seed=seed)
    size = min(spec.batch_size, len(samples))
    steps = len(samples) // size
    sequence = TrainingSequence(samples, size, seed, epochs=-(-count // steps))
    for i in range(count):
        rows = [sequence[k] for k in range(i * size, (i + 1) * size)]
        image, trimap, alpha = (np.stack(column) for column in zip(*rows, strict=True))
        yield image, trimap, alpha


def folder_batches(folder: Path, pre: Preprocess, count: int, size: int = 4) -> Iterator[np.ndarray]:
    """Network inputs, float32 [N, 3, S, S], of a folder's images: their middle squares, S as `pre` says."""
    files = files_by_stem(folder)
    names = natural_order(files)[: count * size]
    for i in range(0, len(names), size):
        yield np.concatenate([_square(read_image(files[name]), pre) for name in names[i : i + size]])


def _square(image: np.ndarray, pre: Preprocess) -> np.ndarray:
    side = min(image.shape[:2])
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    square = crop_reflect(image, top, left, side, side)
    return to_input(square, pre)


def recalibrate(network: nn.Cell, images: Iterable[np.ndarray]) -> int:
    """Replace batch norms' moving statistics by the mean of the batches' own; returns the number of batches.

    The images are network inputs, float32 [N, 3, H, W].

    A cut network's maps have other means and variances than those that were stored. Nothing is changed where there
    is no batch.
    """
    norms = batch_norms(network)
    statistics = [p for norm in norms for p in (norm.moving_mean, norm.moving_variance)]
    sums = [np.zeros(p.shape, np.float64) for p in statistics]
    training, seen = network.training, 0
    network.set_train(True)
    for image in images:
        # From zero, one update leaves the batch's own statistic times the share that it is given.
        for p in statistics:
            p.set_data(ms.Tensor(np.zeros(p.shape, np.float32)))
        for output in network(ms.Tensor(image)):
            output.asnumpy()
        for total, p in zip(sums, statistics, strict=True):
            total += p.asnumpy()
        seen += 1
    network.set_train(training)
    if seen:
        shares = [norm.momentum for norm in norms for _ in range(2)]
        for total, p, share in zip(sums, statistics, shares, strict=True):
            p.set_data(ms.Tensor((total / seen / share).astype(np.float32)))
    return seen
