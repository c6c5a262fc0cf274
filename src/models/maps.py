"""Maps and their two layouts: how networks enter a layout and leave it.

Portable: MindSpore's own operators on [N, C, H, W]; CPU, GPU and Ascend. Native: the fused operators of
`src.backend.cpu_ops` on [N, H, W, C]; chosen on the CPU where they are built. Parameters, their names and the results
are the same, so a checkpoint of one runs in the other. Networks enter a layout with `ToLayout`, build maps with the
cells of `layers.py`, and leave it with `ToMatte` or `FromLayout`; nothing else in a network knows of the difference.

All maps are float32. Each layer tells its `out_shape` (channels, height, width) from those of its inputs:
`src/models/graph.py` reads the network's data flow by it.
"""

import mindspore as ms
from mindspore import nn, ops

from ..backend import cpu_ops
from .portable import resize

MapShape = tuple[int, int, int]  # channels, height, width; the same in both layouts


def native_layout() -> bool:
    """True where networks run on the native CPU operators (and maps are [N, H, W, C])."""
    return ms.get_context("device_target") == "CPU" and cpu_ops.available()


class Downsample(nn.Cell):
    """The image [N, C, H, W] at 1 / `factor` of its size, bilinear."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """[N, C, H, W] -> [N, C, H / factor, W / factor]."""
        return resize(x, x.shape[2] // self.factor, x.shape[3] // self.factor)

    def out_shape(self, x: MapShape) -> MapShape:
        """Both sides divided by the factor."""
        return x[0], x[1] // self.factor, x[2] // self.factor


class ToLayout(nn.Cell):
    """[N, C, H, W] -> the layout of the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """[N, C, H, W] -> a map."""
        return x.transpose(0, 2, 3, 1) if self.native else x

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x


class FromLayout(nn.Cell):
    """A map, out of the layout: -> [N, C, H, W]."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> [N, C, H, W]."""
        return x.transpose(0, 3, 1, 2) if self.native else x

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x


class ToMatte(nn.Cell):
    """A map of one channel, out of the layout and through the sigmoid: -> [N, 1, H, W] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map of logits -> alpha [N, 1, H, W] in [0, 1]."""
        if self.native:  # one channel: the two layouts hold the same numbers in the same order
            x = x.reshape(x.shape[0], 1, x.shape[1], x.shape[2])
        return ops.sigmoid(x)

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x
