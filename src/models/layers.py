"""Layers shared by all networks. Maps are in one of the two layouts of `maps.py`, and keep their type.

A layer is built for the layout in force when it is made; both have the same parameters under the same names.
"""

import mindspore as ms
from mindspore import nn, ops
from mindspore.common.initializer import initializer

from ..spec.activations import find_activation
from ..spec.blocks import Norm
from . import maps
from .maps import MapShape
from .portable import InstanceNorm, resize

BN_EPS = 1e-5
BN_MOMENTUM = 0.9  # MindSpore keeps 0.9 of the old statistics; PyTorch writes the same rule as 0.1.


class Conv2d(nn.Cell):
    """Convolution with `weight` [out, in / group, k, k] and, where asked for, `bias` [out].

    Padding is (k - 1) / 2 times the dilation on every side; `same_padding` with stride 2 moves it to the bottom and
    right, as TensorFlow does for even sides. The last `constant` channels of a map that comes from a `Concat` are an
    image's, for which no gradient is computed where that saves time.
    """

    def __init__(  # noqa: PLR0913 - the numbers of a convolution, as every framework takes them
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        group: int = 1,
        bias: bool = False,
        same_padding: bool = False,
        dilation: int = 1,
        constant: int = 0,
    ) -> None:
        super().__init__()
        self.reach = dilation * (kernel - 1) + 1  # pixels that the kernel spans
        before = (self.reach - stride) // 2 if same_padding else self.reach // 2
        after = self.reach - stride - before if same_padding else self.reach // 2
        pad = (before, after, before, after)
        self.in_channels, self.out_channels, self.kernel = in_channels, out_channels, kernel
        self.stride, self.group, self.pad, self.dilation = stride, group, pad, dilation
        shape = (out_channels, in_channels // group, kernel, kernel)
        self.weight = ms.Parameter(initializer("he_normal", shape), name="weight")
        self.has_bias = bias
        if bias:
            self.bias = ms.Parameter(initializer("zeros", (out_channels,)), name="bias")
        self.native = maps.native_layout()
        if self.native:
            from ..backend.cpu_ops.operators import Conv2dOp

            self.op = Conv2dOp(stride, pad, dilation, group, bias, constant)
        else:
            self.op = ops.Conv2D(
                out_channels, kernel, pad_mode="pad", pad=pad, stride=stride, dilation=dilation, group=group
            )
            self.add_bias = ops.BiasAdd()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map of `in_channels` -> one of `out_channels`."""
        if self.native:
            return self.op(x, self.weight, self.bias) if self.has_bias else self.op(x, self.weight)
        y = self.op(x, self.weight)
        return self.add_bias(y, self.bias) if self.has_bias else y

    def out_shape(self, x: MapShape) -> MapShape:
        """Sides divided by the stride, rounded up where the padding is symmetric."""
        around = sum(self.pad[:2]) - self.reach
        return self.out_channels, (x[1] + around) // self.stride + 1, (x[2] + around) // self.stride + 1


class NormAct(nn.Cell):
    """IBNorm (batch norm on the first `norm.bn` channels, instance norm on the rest), then `act`, then a shortcut.

    Args:
        act: a name of `spec/activations.py`. The native norm computes some itself; the others' cells follow it.
        shortcut: whether `construct` gets a second map, which is added at the end.

    Source: IBN-Net, Pan et al. 2018; with `norm.inorm = 0` it is plain batch norm.
    """

    def __init__(self, norm: Norm, act: str, eps: float = BN_EPS, shortcut: bool = False) -> None:
        super().__init__()
        activation = find_activation(act)
        self.bn, self.inorm_channels, self.eps = norm.bn, norm.inorm, eps
        self.bnorm = nn.BatchNorm2d(norm.bn, eps=eps) if norm.bn else nn.Identity()
        self.act, self.act_name = activation.cell(), act
        self.native = maps.native_layout()
        self.fused = self.native and activation.native is not None
        self.fused_settings = (act, shortcut) if self.fused else ("none", False)
        self.as_float = maps.float_maps()
        if self.native:
            from ..backend.cpu_ops.operators import ConvertOp

            self.placeholder = ms.Tensor([1.0], ms.float32)
            self.as_half = ConvertOp(half=True)
        else:
            self.inorm = InstanceNorm(eps)
        self.set_momentum(BN_MOMENTUM)

    def set_momentum(self, momentum: float) -> None:
        """Set the share of the old moving statistics that a training step keeps."""
        if self.bn:
            self.bnorm.momentum = 1 - momentum  # the way MindSpore's cell holds it
            self.bnorm.bn_train = ops.BatchNorm(is_training=True, epsilon=self.eps, momentum=1 - momentum)
        if self.native:
            from ..backend.cpu_ops.operators import NormOp

            self.op = NormOp(self.bn, self.eps, momentum, *self.fused_settings)

    def construct(self, x: ms.Tensor, *shortcut: ms.Tensor) -> ms.Tensor:
        """A map, and with `shortcut` a second one of the same shape -> a map of that shape."""
        if self.fused:
            return self._native(x, *shortcut)
        y = self.act(self.as_float(self._native(x) if self.native else self._portable(x)))
        y = y + self.as_float(shortcut[0]) if shortcut else y
        return self.as_half(y) if x.dtype == ms.bfloat16 else y

    def _portable(self, x: ms.Tensor) -> ms.Tensor:
        if self.inorm_channels == 0:
            return self.bnorm(x)
        if self.bn == 0:
            return self.inorm(x)
        left, right = ops.split(x, [self.bn, self.inorm_channels], axis=1)
        return ops.cat((self.bnorm(left), self.inorm(right)), axis=1)

    def _native(self, x: ms.Tensor, *shortcut: ms.Tensor) -> ms.Tensor:
        if self.bn == 0:
            one = self.placeholder
            return self.op(x, one, one, one, one, False, *shortcut)[0]
        norm = self.bnorm
        statistics = norm.moving_mean, norm.moving_variance
        y, mean, variance = self.op(x, norm.gamma, norm.beta, *statistics, norm.training, *shortcut)
        if norm.training:
            y = ops.depend(y, (ops.assign(norm.moving_mean, mean), ops.assign(norm.moving_variance, variance)))
        return y

    def out_shape(self, x: MapShape, *shortcut: MapShape) -> MapShape:
        """As it is."""
        return x


class Concat(nn.Cell):
    """Concatenation along the channels; maps flagged in `upsample` are first upsampled by two (bilinear).

    `Concat(True)` of one map is plain upsampling. `legacy` is the rule of `resize`.
    """

    def __init__(self, *upsample: bool, legacy: bool = False) -> None:
        super().__init__()
        self.upsample, self.legacy = upsample, legacy
        self.native = maps.native_layout()
        if self.native:
            from ..backend.cpu_ops.operators import ConcatOp

            self.op = ConcatOp(*upsample, legacy=legacy)

    def construct(self, *inputs: ms.Tensor) -> ms.Tensor:
        """Maps that agree in size once those flagged are upsampled -> one map of all their channels."""
        if self.native:
            return self.op(*inputs)
        sized = []
        for i in range(len(inputs)):
            x = inputs[i]
            sized.append(resize(x, 2 * x.shape[2], 2 * x.shape[3], self.legacy) if self.upsample[i] else x)
        return sized[0] if len(sized) == 1 else ops.cat(sized, axis=1)

    def out_shape(self, *inputs: MapShape) -> MapShape:
        """The sum of the channels, at the size of the largest."""
        times = 2 if self.upsample[0] else 1
        return sum(shape[0] for shape in inputs), times * inputs[0][1], times * inputs[0][2]


class SqueezeExcite(nn.Cell):
    """Channel gate: global mean, two dense layers without bias, sigmoid (Hu et al. 2018)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Dense(channels, hidden, has_bias=False)
        self.fc2 = nn.Dense(hidden, channels, has_bias=False)
        native = maps.native_layout()
        self.axes = (1, 2) if native else (2, 3)
        self.shape = (-1, 1, 1, channels) if native else (-1, channels, 1, 1)
        self.as_float = maps.float_maps()
        if native:
            from ..backend.cpu_ops.operators import ConvertOp

            self.as_half = ConvertOp(half=True)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> the same, each channel scaled by its gate in [0, 1]."""
        wide = self.as_float(x)
        gate = ops.sigmoid(self.fc2(ops.relu(self.fc1(wide.mean(self.axes)))))
        y = wide * gate.reshape(self.shape)
        return self.as_half(y) if x.dtype == ms.bfloat16 else y

    def out_shape(self, x: MapShape) -> MapShape:
        """As it is."""
        return x


class AttentionMap(nn.Cell):
    """Mean over the channels of a map's squares, in rows: -> [N, h * w]. The same numbers from maps of any width."""

    def __init__(self) -> None:
        super().__init__()
        self.axis = -1 if maps.native_layout() else 1
        self.as_float = maps.float_maps()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> [N, h * w], at least 0."""
        return ops.square(self.as_float(x)).mean(self.axis).reshape(x.shape[0], -1)

    def out_shape(self, x: MapShape) -> MapShape:
        """One channel; rows are not told from columns any more."""
        return 1, x[1], x[2]
