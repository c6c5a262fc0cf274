"""Efficient atrous spatial pyramid pooling: context at several scales, at little cost."""

import mindspore as ms
from mindspore import nn
from mindspore.common.initializer import initializer

from ..spec.blocks import Norm
from ..spec.modnet import EasppSpec
from . import maps
from .layers import Concat
from .maps import MapShape
from .units import ConvNormAct


class ScaleFusion(nn.Cell):
    """Maps of equal shape -> their sum, weighted for every map and channel by `weight` [maps, channels]."""

    def __init__(self, count: int, channels: int) -> None:
        super().__init__()
        self.weight = ms.Parameter(initializer("ones", (count, channels)), name="weight")
        self.shape = (-1,) if maps.native_layout() else (-1, 1, 1)
        self.as_float = maps.float_maps()
        if maps.native_layout():
            from ..backend.cpu_ops.operators import ConvertOp

            self.as_half = ConvertOp(half=True)

    def construct(self, *scales: ms.Tensor) -> ms.Tensor:
        """Maps of equal shape -> one of that shape."""
        fused = self.as_float(scales[0]) * self.weight[0].reshape(self.shape)
        for i in range(1, len(scales)):
            fused = fused + self.as_float(scales[i]) * self.weight[i].reshape(self.shape)
        return self.as_half(fused) if scales[0].dtype == ms.bfloat16 else fused

    def out_shape(self, *scales: MapShape) -> MapShape:
        """That of each."""
        return scales[0]


class EfficientAspp(nn.Cell):
    """The deepest map -> `out.channels` channels at twice its size.

    ASPP with its two fusions in the other order: the channels are narrowed, each one is filtered at several dilations
    by itself (depthwise), the scales are fused channel by channel, and only then the channels with one another, once
    instead of once a scale. The paper widens to the encoder's channels again; here the last 1x1 convolution makes the
    channels that follow. The map is upsampled where it is narrow.

    Only `out` is an IBNorm. The others are batch norms, which fold away; and on small maps whole channels of a wide
    dilation's output are constant, where instance norm would magnify nothing but rounding.

    Source: Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", AAAI 2022,
    section on e-ASPP (no code of it was published; dilations and norms are ours).
    """

    def __init__(self, in_channels: int, spec: EasppSpec, out: Norm) -> None:
        super().__init__()
        width, norm = spec.channels, Norm(spec.channels, 0)
        self.reduce = ConvNormAct(in_channels, norm, 1)
        self.upsample = Concat(True)
        self.scales = nn.CellList([ConvNormAct(width, norm, 3, group=width, dilation=rate) for rate in spec.rates])
        self.fuse = ScaleFusion(len(spec.rates), width)
        self.share = maps.sharing(len(spec.rates))
        self.project = ConvNormAct(width, out, 1)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> one of `out.channels` at twice its sides."""
        shared = self.share(self.upsample(self.reduce(x)))
        scaled: tuple[ms.Tensor, ...] = ()
        for i in range(len(shared)):
            scaled += (self.scales[i](shared[i]),)
        return self.project(self.fuse(*scaled))
