"""Native CPU operators: upsampling against PyTorch, graph mode, precision, threads, and what they refuse."""

from functools import partial

import mindspore as ms
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mindspore import ops

from src.backend import cpu_ops
from tests.support.narrow_mmnet import upsample
from tests.support.native_ops import close, leaf, nchw, needs_native_ops, nhwc, rand, run

pytestmark = needs_native_ops
if cpu_ops.available():
    from src.backend.cpu_ops.operators import ConcatOp, Conv2dOp, NormOp


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
    """Two operators of one kind and equal shapes, which a graph must not mix up, at two image sizes."""
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


@pytest.mark.slow
def test_number_of_threads_makes_no_difference(tmp_path):
    """One more process with a single thread: the same numbers up to the order of sums."""
    import os
    import subprocess
    import sys

    code = (
        "import numpy as np, mindspore as ms, sys\n"
        "from src.backend.cpu_ops.operators import Conv2dOp\n"
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
    """A constant input (the image) and a frozen weight leave the other gradients as they are."""
    op, x, w = Conv2dOp(), rand(1, 3, 3, 2), rand(2, 2, 1, 1)
    only_w = ms.value_and_grad(lambda w: op(ms.Tensor(x), w).sum(), 0)(ms.Tensor(w))[1].asnumpy()
    np.testing.assert_allclose(only_w[0, :, 0, 0], x.sum((0, 1, 2)), rtol=1e-5)
    assert float(ops.abs(op(ms.Tensor(x), ms.Tensor(w)) - ms.Tensor(x @ w[:, :, 0, 0].T)).max()) < 1e-6


@pytest.mark.parametrize("graph", [False, True], ids=["eager", "graph"])
def test_the_gradient_of_an_image_beside_a_map_may_be_left_out(graph: bool):
    """The other gradients are those of a convolution that computes all; the image's is zero, not what memory held."""
    arrays, pad = [rand(2, 6, 7, 5), rand(2, 6, 7, 3, seed=1), rand(4, 8, 3, 3)], (1, 1, 1, 1)
    join, weights = ConcatOp(False, False), rand(2, 6, 7, 4, seed=2)

    def gradients_of(op):
        def network(a, b, w):
            return op(join(a, b), w)

        return run(network, arrays, weights, graph)[1]

    gradients = {constant: gradients_of(Conv2dOp(1, pad, constant=constant)) for constant in (0, 3)}
    for part in (0, 2):
        close(gradients[3][part], gradients[0][part])
    assert (gradients[3][1] == 0).all() and np.abs(gradients[0][1]).max() > 0.1
