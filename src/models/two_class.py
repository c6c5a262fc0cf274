"""The end of a network with two classes: the matte that its logits mean."""

import mindspore as ms
from mindspore import nn, ops

from .maps import MapShape


def person_logit(logits: ms.Tensor) -> ms.Tensor:
    """[N, 2, H, W], background and person -> [N, 1, H, W], whose sigmoid is the softmax of the person."""
    background, person = ops.split(logits, 1, axis=1)
    return person - background


class PersonMatte(nn.Cell):
    """Logits [N, 2, H, W] of background and person -> the person's softmax, [N, 1, H, W] in [0, 1]."""

    def construct(self, logits: ms.Tensor) -> ms.Tensor:
        """[N, 2, H, W] -> [N, 1, H, W] in [0, 1]."""
        return ops.sigmoid(person_logit(logits))

    def out_shape(self, x: MapShape) -> MapShape:
        """One channel of the same size."""
        return 1, x[1], x[2]
