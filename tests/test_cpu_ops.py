"""Native CPU operators against PyTorch: values and every gradient, in PyNative and in graph mode."""

from collections.abc import Callable
from functools import partial

import mindspore as ms
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mindspore import ops

from src import cpu_ops
from tests.narrow_mmnet import upsample

pytestmark = pytest.mark.skipif(
    not cpu_ops.available(),
    reason="the native CPU operators are not built here (python -m src.cpu_ops.build; MODNET_CPU_OPS=0 hides them)",
)
if cpu_ops.available():
    from src.cpu_ops.operators import ConcatOp, Conv2dOp, NormOp

TOLERANCE = 1e-5  # of the largest value, float32


def rand(*shape: int, seed: int = 0, low: float | None = None) -> np.ndarray:
    """Normal values, or uniform ones in [low, low + 1]."""
    generator = np.random.default_rng([seed, *shape])
    values = generator.standard_normal(shape) if low is None else generator.uniform(low, low + 1, shape)
    return values.astype(np.float32)


def nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def leaf(x: np.ndarray) -> torch.Tensor:
    return torch.tensor(nchw(x) if x.ndim == 4 else x, requires_grad=True)


def nhwc(x: torch.Tensor) -> np.ndarray:
    x = x.detach().numpy()
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def run(function: Callable, arrays: list[np.ndarray], weights: np.ndarray, graph: bool) -> tuple[np.ndarray, list]:
    """Value of `function` and the gradients of sum(value * weights) for all arrays."""
    weighted = ms.Tensor(weights)

    def loss(*args):
        y = function(*args)
        return (y * weighted).sum(), y

    gradient = ms.value_and_grad(loss, tuple(range(len(arrays))), has_aux=True)

    def step(*args):
        return gradient(*args)

    (_, y), gradients = (ms.jit(step) if graph else step)(*[ms.Tensor(a) for a in arrays])
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return y.asnumpy(), [g.asnumpy() for g in gradients]


def close(ours: np.ndarray, truth: np.ndarray) -> None:
    assert ours.shape == truth.shape
    np.testing.assert_allclose(ours, truth, rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(truth).max())))


def torch_conv(x, w, b, stride, pad, dilation, group):
    top, bottom, left, right = pad
    return F.conv2d(F.pad(x, (left, right, top, bottom)), w, b, stride, 0, dilation, group)


CONVOLUTIONS = {
    # name: (n, h, w), in, out, kernel, stride, pad (t, b, l, r), dilation, group, bias
    "3x3": ((2, 8, 9), 6, 10, 3, 1, (1, 1, 1, 1), 1, 1, True),
    "one picture, one channel out": ((1, 7, 5), 32, 1, 1, 1, (0, 0, 0, 0), 1, 1, True),
    "three channels, stride 2": ((2, 16, 14), 3, 32, 3, 2, (1, 1, 1, 1), 1, 1, False),
    "bottom and right padding": ((2, 16, 14), 5, 7, 3, 2, (0, 1, 0, 1), 1, 1, False),
    "all sides different": ((1, 9, 11), 4, 3, 5, 2, (0, 3, 1, 2), 1, 1, True),
    "dilation": ((2, 12, 13), 8, 8, 3, 1, (2, 2, 2, 2), 2, 1, True),
    "two groups": ((2, 9, 9), 8, 6, 3, 1, (1, 1, 1, 1), 1, 2, True),
    "depthwise": ((2, 9, 10), 33, 33, 3, 1, (1, 1, 1, 1), 1, 33, False),
    "depthwise, 16 lanes": ((3, 33, 40), 48, 48, 3, 1, (1, 1, 1, 1), 1, 48, False),
    "depthwise, stride 2": ((1, 16, 15), 24, 24, 3, 2, (1, 1, 1, 1), 1, 24, False),
    "depthwise 5x5, bottom and right": ((2, 16, 16), 16, 16, 5, 2, (1, 2, 1, 2), 1, 16, False),
    "depthwise, dilation": ((2, 16, 17), 16, 16, 3, 1, (4, 4, 4, 4), 4, 16, False),
    "depthwise multiplier": ((2, 9, 9), 4, 8, 3, 1, (1, 1, 1, 1), 1, 4, True),
    "1x1": ((2, 6, 7), 24, 40, 1, 1, (0, 0, 0, 0), 1, 1, False),
    "5x5, 35 channels": ((2, 20, 12), 35, 16, 5, 1, (2, 2, 2, 2), 1, 1, True),
    # From 4096 pixels on the weight gradient has a kernel of its own, which works in two ways.
    "many pixels, narrow output": ((2, 70, 65), 35, 16, 3, 1, (1, 1, 1, 1), 1, 1, True),
    "many pixels, one channel out": ((1, 64, 70), 32, 1, 1, 1, (0, 0, 0, 0), 1, 1, True),
    "many pixels, wide output": ((2, 50, 50), 5, 70, 3, 1, (0, 2, 2, 1), 1, 1, True),
    "many pixels, stride 2": ((1, 140, 150), 3, 33, 3, 2, (0, 1, 0, 1), 1, 1, False),
    "many pixels, narrow rows": ((3, 150, 10), 20, 48, 5, 1, (2, 2, 2, 2), 1, 1, True),
    "many pixels, dilation": ((1, 66, 67), 7, 40, 3, 1, (3, 3, 3, 3), 3, 1, True),
    "many pixels, 1x1": ((1, 64, 65), 17, 80, 1, 1, (0, 0, 0, 0), 1, 1, False),
    "many pixels, wide padding": ((1, 64, 66), 3, 20, 5, 1, (4, 4, 4, 4), 1, 1, True),
    "one row of pixels": ((2, 1, 9), 3, 4, 3, 1, (1, 1, 1, 1), 1, 1, True),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str):
    size, c_in, c_out, kernel, stride, pad, dilation, group, bias = CONVOLUTIONS[name]
    arrays = [rand(*size, c_in), rand(c_out, c_in // group, kernel, kernel), rand(c_out)][: 3 if bias else 2]
    x, w = leaf(arrays[0]), torch.tensor(arrays[1], requires_grad=True)
    b = leaf(arrays[2]) if bias else None
    y = torch_conv(x, w, b, stride, pad, dilation, group)
    weights = rand(*nhwc(y).shape, seed=1)
    (y * torch.tensor(nchw(weights))).sum().backward()
    ours, gradients = run(Conv2dOp(stride, pad, dilation, group, bias), arrays, weights, graph=False)
    close(ours, nhwc(y))
    close(gradients[0], nhwc(x.grad))
    close(gradients[1], w.grad.numpy())
    if bias:
        close(gradients[2], b.grad.numpy())


def torch_norm(x, parameters, bn, act, training, momentum):
    gamma, beta, mean, variance = parameters
    parts = []
    if bn:
        parts.append(F.batch_norm(x[:, :bn], mean, variance, gamma, beta, training, 1 - momentum, 1e-5))
    if bn < x.shape[1]:
        parts.append(F.instance_norm(x[:, bn:], eps=1e-5))
    return {"none": lambda z: z, "relu": F.relu, "relu6": F.relu6}[act](torch.cat(parts, 1))


NORMS = {
    # name: shape, batch-normalised channels, activation, training, shortcut
    "half and half": ((2, 8, 8, 32), 16, "relu", True, False),
    "odd counts": ((2, 7, 5, 13), 6, "relu", True, False),
    "batch norm, relu6": ((3, 16, 17, 35), 35, "relu6", True, False),
    "batch norm with shortcut": ((2, 8, 8, 24), 24, "none", True, True),
    "instance norm": ((2, 9, 9, 13), 0, "relu", True, False),
    "one picture": ((1, 40, 50, 96), 48, "relu", True, False),
    "many chunks": ((2, 70, 65, 16), 8, "relu", True, False),
    "inference": ((2, 8, 8, 48), 24, "relu6", False, False),
    "inference, instance norm": ((2, 8, 8, 3), 0, "none", False, False),
    "wide": ((2, 3, 2, 1280), 1280, "relu6", True, False),
}


@pytest.mark.parametrize("name", NORMS)
def test_norm(name: str):
    shape, bn, act, training, shortcut = NORMS[name]
    length = max(bn, 1)
    x, added = 2 * rand(*shape) + 3, rand(*shape, seed=2)
    gamma, beta = rand(length, low=0.5), rand(length)
    mean, variance = rand(length, seed=3), rand(length, low=0.5, seed=3)
    statistics = ms.Tensor(mean), ms.Tensor(variance)
    op, weights = NormOp(bn, 1e-5, 0.9, act, shortcut), rand(*shape, seed=1)

    def ours(x, gamma, beta, *shortcut):
        return op(x, gamma, beta, *statistics, training, *shortcut)[0]

    arrays = [x, gamma, beta, added][: 4 if shortcut else 3]
    truth = [leaf(a) for a in arrays]
    moving = torch.tensor(mean), torch.tensor(variance)
    y = torch_norm(truth[0], (*truth[1:3], *moving), bn, act, training, 0.9)
    y = y + truth[3] if shortcut else y
    (y * torch.tensor(nchw(weights))).sum().backward()
    value, gradients = run(ours, arrays, weights, graph=False)
    close(value, nhwc(y))
    for ours_g, leaf_t in zip(gradients, truth, strict=True):
        close(ours_g, np.zeros(1, np.float32) if leaf_t.grad is None else nhwc(leaf_t.grad))

    new = op(*[ms.Tensor(a) for a in (x, gamma, beta)], *statistics, training, *[ms.Tensor(added)] * shortcut)[1:]
    close(new[0].asnumpy(), moving[0].numpy())
    close(new[1].asnumpy(), moving[1].numpy())


def test_norm_far_from_zero_keeps_its_precision():
    """Mean 1000 times the deviation: sums of squares would lose all digits of the variance."""
    x = rand(2, 32, 32, 16) + 1000
    one, zero = ms.Tensor(np.ones(8, np.float32)), ms.Tensor(np.zeros(8, np.float32))
    y = NormOp(8)(ms.Tensor(x), one, zero, zero, one, True)[0].asnumpy()
    truth = x.astype(np.float64)
    axes = {"batch": (0, 1, 2), "instance": (1, 2)}
    expected = [
        (truth - truth.mean(a, keepdims=True)) / np.sqrt(truth.var(a, keepdims=True) + 1e-5) for a in axes.values()
    ]
    np.testing.assert_allclose(y, np.concatenate([expected[0][..., :8], expected[1][..., 8:]], -1), atol=3e-4)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    "flags",
    [(True,), (True, False), (False, False), (False, True, False), (True, False, True), (False, False, True, False)],
)
def test_concat(flags: tuple[bool, ...], legacy: bool):
    sizes = [(5, 7) if flag else (10, 14) for flag in flags]
    arrays = [rand(2, *size, channels) for size, channels in zip(sizes, (16, 3, 5, 2), strict=False)]
    maps = [leaf(a) for a in arrays]
    twice = upsample if legacy else partial(F.interpolate, scale_factor=2, mode="bilinear")
    y = torch.cat([twice(m) if f else m for m, f in zip(maps, flags, strict=True)], 1)
    weights = rand(*nhwc(y).shape, seed=1)
    (y * torch.tensor(nchw(weights))).sum().backward()
    ours, gradients = run(ConcatOp(*flags, legacy=legacy), arrays, weights, graph=False)
    close(ours, nhwc(y))
    for gradient, truth in zip(gradients, maps, strict=True):
        close(gradient, nhwc(truth.grad))


def test_upsampling_by_hand():
    """[0, 1] becomes 0, 1/4, 3/4, 1 along each axis."""
    x = np.zeros((1, 2, 2, 1), np.float32)
    x[0, :, 1, 0] = 1
    y = ConcatOp(True)(ms.Tensor(x)).asnumpy()[0, :, :, 0]
    np.testing.assert_allclose(y, np.tile([0, 0.25, 0.75, 1], (4, 1)), atol=1e-7)


def test_graph_mode_equals_pynative_and_takes_other_sizes():
    """Two operators of one kind and equal shapes, which a graph must not mix up, at two picture sizes."""
    same, wide = Conv2dOp(1, (1, 1, 1, 1), bias=True), Conv2dOp(1, (2, 2, 2, 2), dilation=2)
    norm, join = NormOp(2, act="relu"), ConcatOp(True, False)
    w, b = ms.Tensor(rand(4, 4, 3, 3)), ms.Tensor(rand(4))
    one, zero = ms.Tensor(np.ones(2, np.float32)), ms.Tensor(np.zeros(2, np.float32))
    shrink = Conv2dOp(2, (0, 1, 0, 1))

    def network(x):
        y = norm(wide(same(x, w, b), w), one, zero, zero, one, True)[0]
        return join(shrink(y, w), y)

    for height, width in ((8, 10), (12, 6)):
        arrays, weights = [rand(2, height, width, 4)], rand(2, height, width, 8, seed=1)
        eager, eager_gradient = run(network, arrays, weights, graph=False)
        compiled, compiled_gradient = run(network, arrays, weights, graph=True)
        np.testing.assert_allclose(compiled, eager, atol=1e-6)
        np.testing.assert_allclose(compiled_gradient[0], eager_gradient[0], atol=1e-5)


def test_number_of_threads_makes_no_difference(tmp_path):
    """One more process with a single thread: the same numbers up to the order of sums."""
    import os
    import subprocess
    import sys

    code = (
        "import numpy as np, mindspore as ms, sys\n"
        "from src.cpu_ops.operators import Conv2dOp\n"
        "x = np.arange(2 * 9 * 11 * 8, dtype=np.float32).reshape(2, 9, 11, 8) % 17\n"
        "w = np.arange(5 * 8 * 9, dtype=np.float32).reshape(5, 8, 3, 3) % 13\n"
        "np.save(sys.argv[1], Conv2dOp(1, (1, 1, 1, 1))(ms.Tensor(x), ms.Tensor(w)).asnumpy())\n"
    )
    for threads in ("1", "3"):
        environment = {**os.environ, "MODNET_CPU_THREADS": threads}
        subprocess.run([sys.executable, "-c", code, str(tmp_path / threads)], check=True, env=environment)
    np.testing.assert_allclose(np.load(tmp_path / "1.npy"), np.load(tmp_path / "3.npy"), rtol=1e-6)


@pytest.mark.parametrize(
    ("x_type", "w_shape"), [(np.float16, (5, 3, 1, 1)), (np.float32, (5, 2, 1, 1))], ids=["half precision", "shapes"]
)
def test_wrong_arguments_are_refused(x_type: type, w_shape: tuple[int, ...], capfd: pytest.CaptureFixture):
    x, w = np.ones((1, 4, 4, 3), x_type), np.ones(w_shape, x_type)
    with pytest.raises(RuntimeError):
        Conv2dOp()(ms.Tensor(x), ms.Tensor(w)).asnumpy()
    message = capfd.readouterr().err
    assert "float16" in message if x_type is np.float16 else "do not belong together" in message


def test_unused_gradients_do_no_harm():
    """A constant input (the picture) and a frozen weight leave the other gradients as they are."""
    op, x, w = Conv2dOp(), rand(1, 3, 3, 2), rand(2, 2, 1, 1)
    only_w = ms.value_and_grad(lambda w: op(ms.Tensor(x), w).sum(), 0)(ms.Tensor(w))[1].asnumpy()
    np.testing.assert_allclose(only_w[0, :, 0, 0], x.sum((0, 1, 2)), rtol=1e-5)
    assert float(ops.abs(op(ms.Tensor(x), ms.Tensor(w)) - ms.Tensor(x @ w[:, :, 0, 0].T)).max()) < 1e-6
