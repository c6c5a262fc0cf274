"""First-order Taylor importance: what the training loss would change if a channel were zeroed at its consumers.

Source: Molchanov et al. 2019, "Importance estimation for neural network pruning", with the gate at the columns that
read the channel. There the estimate holds whatever norm made the channel, while the filters before a norm have a
gradient orthogonal to themselves, so that filter x gradient says nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from .gathering import by_group, makers
from .registry import Importance, Losses, Subject, register

if TYPE_CHECKING:
    import mindspore as ms
    from mindspore import nn

    from ..calibration import Batch
    from ..groups import Channels


def taylor(
    network: "nn.Cell", channels: "Channels", batches: Iterable["Batch"], losses: Losses, gather: str = "mean"
) -> np.ndarray:
    """Mean over batches of |sum of column x gradient|, by group with mean 1, float64 [channels.count].

    Args:
        network: batch norms use their moving statistics; nothing in it is changed.
        channels: all of its channels.
        batches: image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32.
        losses: (the network's outputs in training, image, trimap, alpha) -> the parts of its training loss.
        gather: "sum": times the number of layers that make the channel, as scores of filters have it.
    """
    import mindspore as ms

    from ...models.norms import frozen_statistics

    names = {axis.parameter for axis in channels.columns}
    parameters = [p for p in network.get_parameters() if p.name in names]

    def loss(image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor) -> ms.Tensor:
        return sum(losses(network(image), image, trimap, alpha))

    total, seen = np.zeros(channels.count), 0
    with frozen_statistics(network), _learning(parameters):
        gradient = ms.value_and_grad(loss, None, ms.ParameterTuple(parameters))
        for batch in batches:
            _, gradients = gradient(*(ms.Tensor(array) for array in batch))
            products = {
                p.name: (p.asnumpy() * g.asnumpy()).astype(np.float64)
                for p, g in zip(parameters, gradients, strict=True)
            }
            total += np.abs(_by_channel(channels, products))
            seen += 1
    scores = by_group(channels, total / max(seen, 1))
    return scores * makers(channels) if gather == "sum" else scores


@contextmanager
def _learning(parameters: Sequence["ms.Parameter"]) -> Iterator[None]:
    """Within, all of these parameters have gradients."""
    frozen = [p for p in parameters if not p.requires_grad]
    for p in frozen:
        p.requires_grad = True
    try:
        yield
    finally:
        for p in frozen:
            p.requires_grad = False


def _by_channel(channels: "Channels", products: dict[str, np.ndarray]) -> np.ndarray:
    """Sum of each channel's columns over all its consumers, float64 [channels.count]."""
    result = np.zeros(channels.count)
    for axis in channels.columns:
        rows = np.moveaxis(products[axis.parameter], axis.axis, 0).reshape(len(axis.channels), -1).sum(axis=1)
        np.add.at(result, axis.channels, rows)
    return result


def _scores(subject: Subject) -> np.ndarray:
    batches, losses = subject.labelled()
    return taylor(subject.network, subject.channels, batches, losses, subject.gather)


register(Importance("taylor", "change of the training loss", _scores, labelled=True))
