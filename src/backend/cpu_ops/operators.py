"""MindSpore operators over the native library, for maps [N, H, W, C], in graph and PyNative mode.

Maps are float32, or bfloat16 where the CPU multiplies it (`cpu_ops.bf16()`); parameters, their gradients and
statistics are float32, and so is every sum inside. An output map has the type of the input map.

Each class is made once, in a cell's `__init__`, and called in `construct`; gradients are registered with it.
Other image sizes need nothing special: shapes are read at each call.
"""

from collections.abc import Callable

import mindspore as ms
from mindspore import ops

from ...common.errors import NetworkError
from ...spec.activations import find_activation
from . import library_path

Shape = list[int]
Shapes = Shape | tuple[Shape, ...]  # of one output, or of several
Gradients = tuple[ms.Tensor, ...]  # of all inputs


def _custom(
    name: str, out_shape: Callable, outputs: str = "m", bprop: Callable | None = None, variant: str = ""
) -> ops.Custom:
    """The operator `name` of the library.

    `outputs` has a letter for each: m is a map, of the first input's type, p is float32 as parameters are.

    MindSpore takes two operators with equal attributes for one and uses the first one's shape and gradient
    functions for both, so operators whose functions differ must differ in `variant`.
    """

    def out_dtype(*dtypes: ms.Type) -> ms.Type | tuple[ms.Type, ...]:
        types = tuple(dtypes[0] if kind == "m" else ms.float32 for kind in outputs)
        return types[0] if len(types) == 1 else types

    custom = ops.Custom(f"{library_path()}:{name}", out_shape, out_dtype, func_type="aot", bprop=bprop)
    custom.add_prim_attr("variant", variant)
    return custom


def _zeros_like(x: ms.Tensor) -> ms.Tensor:
    return ops.ZerosLike()(x)


class Conv2dOp:
    """2-D convolution: y = op(x, weight) or op(x, weight, bias).

    x: [N, H, W, I], weight: [O, I / group, kh, kw], bias: [O], y: [N, H', W', O].

    Args:
        stride: of both axes.
        pad: zeros added at (top, bottom, left, right).
        dilation: distance between the kernel's taps, on both axes.
        group: number of groups; as many as channels is a depthwise convolution.
        bias: whether the call has a bias.
        constant: how many of x's last channels need no gradient. x then comes from a `ConcatOp`, whose gradient does
            without them.
    """

    def __init__(
        self,
        stride: int = 1,
        pad: tuple[int, int, int, int] = (0, 0, 0, 0),
        dilation: int = 1,
        group: int = 1,
        bias: bool = False,
        constant: int = 0,
    ) -> None:
        top, bottom, left, right = pad
        self.attr = ms.Tensor([stride, *pad, dilation, group], ms.int64)

        def out_shape(x: Shape, w: Shape, *_: Shape) -> Shapes:
            reach_h, reach_w = dilation * (w[2] - 1) + 1, dilation * (w[3] - 1) + 1
            h = (x[1] + top + bottom - reach_h) // stride + 1
            width = (x[2] + left + right - reach_w) // stride + 1
            return [x[0], h, width, w[0]]

        def dx_shape(dy: Shape, w: Shape, x: Shape, attr: Shape) -> Shapes:
            return [*x[:3], x[3] - constant]

        def dw_shape(dy: Shape, x: Shape, w: Shape, attr: Shape) -> Shapes:
            return (w, [w[0]]) if bias else w

        backward_data = _custom("conv_backward_data", dx_shape, variant=f"{constant=}")
        backward_weights = _custom("conv_backward_weights", dw_shape, "pp" if bias else "p", variant=f"{bias=}")

        def bprop(x: ms.Tensor, w: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> Gradients:
            return backward_data(dout, w, x, attr), backward_weights(dout, x, w, attr), _zeros_like(attr)

        def bprop_bias(
            x: ms.Tensor, w: ms.Tensor, b: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor
        ) -> Gradients:
            dw, db = backward_weights(dout, x, w, attr)
            return backward_data(dout, w, x, attr), dw, db, _zeros_like(attr)

        self.forward = _custom(
            "conv_forward",
            out_shape,
            "m",
            bprop_bias if bias else bprop,
            f"{stride=} {pad=} {dilation=} {group=} {bias=} {constant=}",
        )

    def __call__(self, x: ms.Tensor, weight: ms.Tensor, *bias: ms.Tensor) -> ms.Tensor:
        """Y of x and weight and, where the operator has one, bias."""
        return self.forward(x, weight, *bias, self.attr)


def _native_number(act: str) -> int:
    """The activation's number in norm.hpp; NetworkError where these operators do not compute it."""
    number = find_activation(act).native
    if number is None:
        raise NetworkError(f"The native norm does not compute the activation {act!r}. Let its cell follow the norm.")
    return number


class NormOp:
    """Batch norm on the first `bn` channels, instance norm (no affine) on the others, then an activation.

    y, new_mean, new_variance = op(x, gamma, beta, moving_mean, moving_variance, training), and with `shortcut` one
    more argument, a map that is added after the activation. `inorm=0` is plain batch norm, `bn=0` plain instance
    norm (the four parameters are then placeholders of length 1 that come back unchanged).

    x, y: [N, H, W, C]; the parameters: [bn]. In training the batch's statistics normalise and the new moving
    statistics are `momentum * old + (1 - momentum) * batch`, the variance unbiased, as in PyTorch; the caller
    assigns them. Otherwise the moving statistics normalise the first `bn` channels and come back unchanged.

    Source: IBN-Net, Pan et al. 2018.
    """

    def __init__(
        self, bn: int, eps: float = 1e-5, momentum: float = 0.9, act: str = "none", shortcut: bool = False
    ) -> None:
        settings = [bn, _native_number(act), 1, eps, momentum]
        self.train_attr = ms.Tensor(settings, ms.float64)
        self.eval_attr = ms.Tensor([*settings[:2], 0, *settings[3:]], ms.float64)

        def out_shape(x: Shape, gamma: Shape, *_: Shape) -> Shapes:
            return x, [x[0], x[3]], [x[0], x[3]], gamma, gamma

        def gradient_shape(dy: Shape, x: Shape, gamma: Shape, *_: Shape) -> Shapes:
            return x, gamma, gamma

        backward = _custom("norm_backward", gradient_shape, "mpp")

        def bprop(  # noqa: PLR0913 - MindSpore gives all inputs, the outputs and their gradients
            x: ms.Tensor,
            gamma: ms.Tensor,
            beta: ms.Tensor,
            mean: ms.Tensor,
            variance: ms.Tensor,
            attr: ms.Tensor,
            out: ms.Tensor,
            dout: ms.Tensor,
        ) -> Gradients:
            dx, dgamma, dbeta = backward(dout[0], x, gamma, beta, out[1], out[2], attr)
            return dx, dgamma, dbeta, _zeros_like(mean), _zeros_like(variance), _zeros_like(attr)

        def bprop_shortcut(  # noqa: PLR0913 - MindSpore gives all inputs, the outputs and their gradients
            x: ms.Tensor,
            gamma: ms.Tensor,
            beta: ms.Tensor,
            mean: ms.Tensor,
            variance: ms.Tensor,
            added: ms.Tensor,
            attr: ms.Tensor,
            out: ms.Tensor,
            dout: ms.Tensor,
        ) -> Gradients:
            dx, dgamma, dbeta = backward(dout[0], x, gamma, beta, out[1], out[2], attr)
            return dx, dgamma, dbeta, _zeros_like(mean), _zeros_like(variance), dout[0], _zeros_like(attr)

        self.forward = _custom(
            "norm_forward", out_shape, "mpppp", bprop_shortcut if shortcut else bprop, f"{shortcut=}"
        )

    def __call__(
        self,
        x: ms.Tensor,
        gamma: ms.Tensor,
        beta: ms.Tensor,
        mean: ms.Tensor,
        variance: ms.Tensor,
        training: bool,
        *shortcut: ms.Tensor,
    ) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        """Y, and the moving mean and variance after this call."""
        attr = self.train_attr if training else self.eval_attr
        y, _, _, new_mean, new_variance = self.forward(x, gamma, beta, mean, variance, *shortcut, attr)
        return y, new_mean, new_variance


class ConcatOp:
    """Concatenation of up to four maps [N, h, w, C_i] along the channels; chosen ones are upsampled by two first.

    Upsampling is bilinear with pixel centres at half positions (PyTorch's `align_corners=False`). ConcatOp(True)
    of a single map is plain upsampling.

    Args:
        upsample: for each map, whether it is half as high and wide as the output.
        legacy: upsample by TensorFlow's first rule, output j lying at j / 2 of the input.
    """

    def __init__(self, *upsample: bool, legacy: bool = False) -> None:
        flags = [int(flag) * (2 if legacy else 1) for flag in upsample]
        self.attr = ms.Tensor(flags, ms.int64)
        factor = 2 if upsample[0] else 1

        def out_shape(*shapes: Shape) -> Shapes:
            n, h, w, _ = shapes[0]
            return [n, factor * h, factor * w, sum(shape[3] for shape in shapes[:-1])]

        def part_shape(dy: Shape, part: Shape, attr: Shape) -> Shapes:
            return part

        part = _custom("concat_gradient", part_shape)

        def bprop1(a: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> Gradients:
            return part(dout, a, ms.Tensor([0, flags[0]], ms.int64)), _zeros_like(attr)

        def bprop2(a: ms.Tensor, b: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> Gradients:
            da = part(dout, a, ms.Tensor([0, flags[0]], ms.int64))
            db = part(dout, b, ms.Tensor([a.shape[3], flags[1]], ms.int64))
            return da, db, _zeros_like(attr)

        def bprop3(
            a: ms.Tensor, b: ms.Tensor, c: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor
        ) -> Gradients:
            da = part(dout, a, ms.Tensor([0, flags[0]], ms.int64))
            db = part(dout, b, ms.Tensor([a.shape[3], flags[1]], ms.int64))
            dc = part(dout, c, ms.Tensor([a.shape[3] + b.shape[3], flags[2]], ms.int64))
            return da, db, dc, _zeros_like(attr)

        def bprop4(
            a: ms.Tensor, b: ms.Tensor, c: ms.Tensor, d: ms.Tensor, attr: ms.Tensor, out: ms.Tensor, dout: ms.Tensor
        ) -> Gradients:
            da = part(dout, a, ms.Tensor([0, flags[0]], ms.int64))
            db = part(dout, b, ms.Tensor([a.shape[3], flags[1]], ms.int64))
            dc = part(dout, c, ms.Tensor([a.shape[3] + b.shape[3], flags[2]], ms.int64))
            dd = part(dout, d, ms.Tensor([a.shape[3] + b.shape[3] + c.shape[3], flags[3]], ms.int64))
            return da, db, dc, dd, _zeros_like(attr)

        bprop = (bprop1, bprop2, bprop3, bprop4)[len(upsample) - 1]
        self.forward = _custom("concat", out_shape, "m", bprop, f"{flags=}")

    def __call__(self, *maps: ms.Tensor) -> ms.Tensor:
        """One map of all channels."""
        return self.forward(*maps, self.attr)


class ConvertOp:
    """A map as float32, or with `half` as bfloat16: y = op(x); one that is so already comes back as it is."""

    def __init__(self, half: bool = False) -> None:
        first, second = (ms.float32, ms.bfloat16) if half else (ms.bfloat16, ms.float32)

        def shape(x: Shape) -> Shape:
            return x

        def operator(out: ms.Type, bprop: Callable | None) -> ops.Custom:
            custom = ops.Custom(f"{library_path()}:map_convert", shape, lambda _: out, func_type="aot", bprop=bprop)
            custom.add_prim_attr("variant", f"to {out}, {bprop is None}")
            return custom

        back = operator(first, None)

        def bprop(x: ms.Tensor, out: ms.Tensor, dout: ms.Tensor) -> Gradients:
            return (back(dout),)

        self.second = second
        self.forward = operator(second, bprop)

    def __call__(self, x: ms.Tensor) -> ms.Tensor:
        """The same numbers, rounded to the nearest."""
        return x if x.dtype == self.second else self.forward(x)


class AddOp:
    """Sum of two maps of one shape and type; without a gradient, it is part of one."""

    def __init__(self) -> None:
        def shape(a: Shape, b: Shape) -> Shape:
            return a

        self.forward = _custom("map_add", shape)

    def __call__(self, a: ms.Tensor, b: ms.Tensor) -> ms.Tensor:
        """A + b."""
        return self.forward(a, b)
