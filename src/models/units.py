"""Units of several layers, which networks are made of."""

import mindspore as ms
from mindspore import nn

from ..spec.blocks import Norm
from .layers import BN_EPS, Conv2d, NormAct
from .maps import ToMatte


class ConvNormAct(nn.Cell):
    """Convolution, IBNorm (or plain batch norm) and activation: the unit that all networks are made of."""

    def __init__(  # noqa: PLR0913 - those of its convolution and of its norm
        self,
        in_channels: int,
        norm: Norm,
        kernel: int,
        stride: int = 1,
        group: int = 1,
        bias: bool = False,
        same_padding: bool = False,
        act: str = "relu",
        eps: float = BN_EPS,
        shortcut: bool = False,
        dilation: int = 1,
        constant: int = 0,
    ) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, norm.channels, kernel, stride, group, bias, same_padding, dilation, constant)
        self.norm = NormAct(norm, act, eps, shortcut)

    def construct(self, x: ms.Tensor, *shortcut: ms.Tensor) -> ms.Tensor:
        """A map, and with `shortcut` one of the output's shape -> a map of `norm.channels`."""
        return self.norm(self.conv(x), *shortcut)


class MatteHead(nn.Cell):
    """Convolution to one channel, and its sigmoid: -> [N, 1, H, W] in [0, 1]."""

    def __init__(self, in_channels: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = Conv2d(in_channels, 1, kernel, stride, bias=True)
        self.to_matte = ToMatte()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> alpha [N, 1, H, W] in [0, 1]."""
        return self.to_matte(self.conv(x))
