"""Layers shared by all networks, in one of two layouts.

Portable: MindSpore's own operators on [N, C, H, W]; CPU, GPU and Ascend. Native: the fused operators of
`src.backend.cpu_ops` on [N, H, W, C]; chosen on the CPU where they are built. Parameters, their names and the results
are the same, so a checkpoint of one runs in the other. Networks enter a layout with `ToLayout`, build maps with the
cells below, and leave it with `ToMatte`; nothing else in a network knows of the difference.

Each layer tells its `out_shape` (channels, height, width) from those of its inputs: `src/models/graph.py` reads the
network's data flow by it.
"""

import mindspore as ms
from mindspore import nn, ops

from ..backend import cpu_ops
from ..spec.blocks import Norm
from .portable import InstanceNorm, resize

MapShape = tuple[int, int, int]  # channels, height, width; the same in both layouts

BN_EPS = 1e-5
BN_MOMENTUM = 0.9  # MindSpore keeps 0.9 of the old statistics; PyTorch writes the same rule as 0.1.


def native_layout() -> bool:
    """True where networks run on the native CPU operators (and maps are [N, H, W, C])."""
    return ms.get_context("device_target") == "CPU" and cpu_ops.available()


class Downsample(nn.Cell):
    """The image [N, C, H, W] at 1 / `factor` of its size, bilinear."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return resize(x, x.shape[2] // self.factor, x.shape[3] // self.factor)

    def out_shape(self, x: MapShape) -> MapShape:
        return x[0], x[1] // self.factor, x[2] // self.factor


class ToLayout(nn.Cell):
    """[N, C, H, W] -> the layout of the maps."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return x.transpose(0, 2, 3, 1) if self.native else x

    def out_shape(self, x: MapShape) -> MapShape:
        return x


class Conv2d(nn.Cell):
    """Convolution with `weight` [out, in / group, k, k] and, where asked for, `bias` [out].

    Padding is (k - 1) / 2 times the dilation on every side; `same_padding` with stride 2 moves it to the bottom and
    right, as TensorFlow does for even sides.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        group: int = 1,
        bias: bool = False,
        same_padding: bool = False,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.reach = dilation * (kernel - 1) + 1  # pixels that the kernel spans
        before = (self.reach - stride) // 2 if same_padding else self.reach // 2
        after = self.reach - stride - before if same_padding else self.reach // 2
        pad = (before, after, before, after)
        self.in_channels, self.out_channels, self.kernel = in_channels, out_channels, kernel
        self.stride, self.group, self.pad, self.dilation = stride, group, pad, dilation
        shape = (out_channels, in_channels // group, kernel, kernel)
        self.weight = ms.Parameter(ms.common.initializer.initializer("he_normal", shape), name="weight")
        self.has_bias = bias
        if bias:
            self.bias = ms.Parameter(ms.common.initializer.initializer("zeros", (out_channels,)), name="bias")
        self.native = native_layout()
        if self.native:
            from ..backend.cpu_ops.operators import Conv2dOp

            self.op = Conv2dOp(stride, pad, dilation, group, bias)
        else:
            self.op = ops.Conv2D(
                out_channels, kernel, pad_mode="pad", pad=pad, stride=stride, dilation=dilation, group=group
            )
            self.add_bias = ops.BiasAdd()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.native:
            return self.op(x, self.weight, self.bias) if self.has_bias else self.op(x, self.weight)
        y = self.op(x, self.weight)
        return self.add_bias(y, self.bias) if self.has_bias else y

    def out_shape(self, x: MapShape) -> MapShape:
        around = sum(self.pad[:2]) - self.reach
        return self.out_channels, (x[1] + around) // self.stride + 1, (x[2] + around) // self.stride + 1


class NormAct(nn.Cell):
    """IBNorm (batch norm on the first `norm.bn` channels, instance norm on the rest), then `act`, then a shortcut.

    Args:
        act: "none", "relu" or "relu6".
        shortcut: whether `construct` gets a second map, which is added at the end.

    Source: IBN-Net, Pan et al. 2018; with `norm.inorm = 0` it is plain batch norm.
    """

    def __init__(self, norm: Norm, act: str, eps: float = BN_EPS, shortcut: bool = False) -> None:
        super().__init__()
        self.bn, self.inorm_channels, self.eps, self.settings = norm.bn, norm.inorm, eps, (act, shortcut)
        self.bnorm = nn.BatchNorm2d(norm.bn, eps=eps) if norm.bn else nn.Identity()
        self.act = {"none": nn.Identity, "relu": nn.ReLU, "relu6": nn.ReLU6}[act]()
        self.native = native_layout()
        if self.native:
            self.placeholder = ms.Tensor([1.0], ms.float32)
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

            self.op = NormOp(self.bn, self.eps, momentum, *self.settings)

    def construct(self, x: ms.Tensor, *shortcut: ms.Tensor) -> ms.Tensor:
        if self.native:
            return self._native(x, *shortcut)
        y = self.act(self._portable(x))
        return y + shortcut[0] if shortcut else y

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
        return x


class Concat(nn.Cell):
    """Concatenation along the channels; maps flagged in `upsample` are first upsampled by two (bilinear).

    `Concat(True)` of one map is plain upsampling. `legacy` is the rule of `resize`.
    """

    def __init__(self, *upsample: bool, legacy: bool = False) -> None:
        super().__init__()
        self.upsample, self.legacy = upsample, legacy
        self.native = native_layout()
        if self.native:
            from ..backend.cpu_ops.operators import ConcatOp

            self.op = ConcatOp(*upsample, legacy=legacy)

    def construct(self, *maps: ms.Tensor) -> ms.Tensor:
        if self.native:
            return self.op(*maps)
        sized = []
        for i in range(len(maps)):
            x = maps[i]
            sized.append(resize(x, 2 * x.shape[2], 2 * x.shape[3], self.legacy) if self.upsample[i] else x)
        return sized[0] if len(sized) == 1 else ops.cat(sized, axis=1)

    def out_shape(self, *maps: MapShape) -> MapShape:
        times = 2 if self.upsample[0] else 1
        return sum(m[0] for m in maps), times * maps[0][1], times * maps[0][2]


class SqueezeExcite(nn.Cell):
    """Channel gate: global mean, two dense layers without bias, sigmoid (Hu et al. 2018)."""

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Dense(channels, hidden, has_bias=False)
        self.fc2 = nn.Dense(hidden, channels, has_bias=False)
        native = native_layout()
        self.axes = (1, 2) if native else (2, 3)
        self.shape = (-1, 1, 1, channels) if native else (-1, channels, 1, 1)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        gate = ops.sigmoid(self.fc2(ops.relu(self.fc1(x.mean(self.axes)))))
        return x * gate.reshape(self.shape)

    def out_shape(self, x: MapShape) -> MapShape:
        return x


class AttentionMap(nn.Cell):
    """Mean over the channels of a map's squares, in rows: -> [N, h * w]. The same numbers from maps of any width."""

    def __init__(self) -> None:
        super().__init__()
        self.axis = -1 if native_layout() else 1

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return ops.square(x).mean(self.axis).reshape(x.shape[0], -1)

    def out_shape(self, x: MapShape) -> MapShape:
        return 1, x[1], x[2]


class ToMatte(nn.Cell):
    """A map of one channel, out of the layout and through the sigmoid: -> [N, 1, H, W] in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.native = native_layout()

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        if self.native:  # one channel: the two layouts hold the same numbers in the same order
            x = x.reshape(x.shape[0], 1, x.shape[1], x.shape[2])
        return ops.sigmoid(x)

    def out_shape(self, x: MapShape) -> MapShape:
        return x
