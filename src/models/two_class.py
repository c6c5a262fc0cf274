"""The end of a network with two classes: logits out of the layout, and the matte that they mean."""

import mindspore as ms
from mindspore import nn, ops

from . import layers
from .layers import MapShape


class FromLayout(nn.Cell):
    """A map, out of the layout: -> [N, C, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.native = layers.native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return x.transpose(0, 3, 1, 2) if self.native else x

    def out_shape(self, x: MapShape) -> MapShape:
        return x


def person_logit(logits: ms.Tensor) -> ms.Tensor:
    """[N, 2, H, W], background and person -> [N, 1, H, W], whose sigmoid is the softmax of the person."""
    background, person = ops.split(logits, 1, axis=1)
    return person - background


class PersonMatte(nn.Cell):
    """Logits [N, 2, H, W] of background and person -> the person's softmax, [N, 1, H, W] in [0, 1]."""

    def construct(self, logits: ms.Tensor) -> ms.Tensor:
        return ops.sigmoid(person_logit(logits))

    def out_shape(self, x: MapShape) -> MapShape:
        return 1, x[1], x[2]
