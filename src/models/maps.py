"""Maps and their two layouts: how networks enter a layout and leave it.

Portable: MindSpore's own operators on [N, C, H, W]; CPU, GPU and Ascend. Native: the fused operators of
`src.backend.cpu_ops` on [N, H, W, C]; chosen on the CPU where they are built. Parameters, their names and the results
are the same, so a checkpoint of one runs in the other. Networks enter a layout with `ToLayout`, build maps with the
cells of `layers.py`, and leave it with `ToMatte` or `FromLayout`; nothing else in a network knows of the difference.

All maps are float32, but in the native layout those of a training network may be bfloat16 (`set_half_maps`).
Each layer tells its `out_shape` (channels, height, width) from those of its inputs:
`src/models/graph.py` reads the network's data flow by it.
"""

from collections.abc import Callable

import mindspore as ms
from mindspore import nn, ops

from ..backend import cpu_ops
from .portable import resize

MapShape = tuple[int, int, int]  # channels, height, width; the same in both layouts


def native_layout() -> bool:
    """True where networks run on the native CPU operators (and maps are [N, H, W, C])."""
    return ms.get_context("device_target") == "CPU" and cpu_ops.available()


def float_maps() -> Callable[[ms.Tensor], ms.Tensor]:
    """What makes a map float32, for MindSpore's own operators: those are slow in bfloat16, or not there."""
    if not native_layout():
        return nn.Identity()
    from ..backend.cpu_ops.operators import ConvertOp

    return ConvertOp()


def set_half_maps(network: nn.Cell, half: bool) -> None:
    """Whether a network in the native layout has bfloat16 maps while it is trained; its graphs are compiled later."""
    for _, cell in network.cells_and_names():
        if isinstance(cell, ToLayout):
            cell.half = half


class Share(nn.Cell):
    """A map for several layers. `sharing` makes one; a map that two layers take must come from it."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ...]:
        """A map -> it, `count` times."""
        return (x,) * self.count


class _NativeShare(Share):
    """A `Share` whose gradient the native operators add up: in bfloat16 MindSpore cannot, or is ten times slower."""

    def __init__(self, count: int) -> None:
        super().__init__(count)
        from ..backend.cpu_ops.operators import AddOp

        self.add = AddOp()

    def bprop(self, x: ms.Tensor, out: tuple[ms.Tensor, ...], dout: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor]:
        """The sum of the layers' gradients."""
        total = dout[0]
        for i in range(1, self.count):
            total = self.add(total, dout[i])
        return (total,)


def sharing(count: int = 2) -> Share:
    """A `Share` for the layout in force."""
    return _NativeShare(count) if native_layout() and count > 1 else Share(count)  # one gradient is no tuple


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
    """[N, C, H, W] -> the layout of the maps, and their type: layers keep that of the map that they get.

    Attributes:
        half: whether maps are bfloat16 while the network is trained; float32 otherwise, so that scores and files are
            those of the weights alone.
    """

    def __init__(self) -> None:
        super().__init__()
        self.native, self.half = native_layout(), False
        if self.native:
            from ..backend.cpu_ops.operators import ConvertOp

            self.as_half = ConvertOp(half=True)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """[N, C, H, W] -> a map."""
        if not self.native:
            return x
        x = x.transpose(0, 2, 3, 1)
        return self.as_half(x) if self.half and self.training else x

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x


class FromLayout(nn.Cell):
    """A map, out of the layout: -> [N, C, H, W], float32."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()
        self.as_float = float_maps()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> [N, C, H, W]."""
        return self.as_float(x).transpose(0, 3, 1, 2) if self.native else x

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x


class ToMatte(nn.Cell):
    """A map of one channel, out of the layout and through the sigmoid: -> [N, 1, H, W] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()
        self.as_float = float_maps()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map of logits -> alpha [N, 1, H, W] in [0, 1]."""
        if self.native:  # one channel: the two layouts hold the same numbers in the same order
            x = self.as_float(x)
            x = x.reshape(x.shape[0], 1, x.shape[1], x.shape[2])
        return ops.sigmoid(x)

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x
