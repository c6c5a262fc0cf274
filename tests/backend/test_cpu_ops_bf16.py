"""Native operators on bfloat16 maps: each against the float32 operator on the same, rounded, numbers."""

import mindspore as ms
import numpy as np
import pytest

from src.backend import cpu_ops
from tests.backend.test_cpu_ops_layers import CONVOLUTIONS, NORMS
from tests.support.native_ops import rand

pytestmark = pytest.mark.skipif(not cpu_ops.bf16(), reason="this CPU does not multiply bfloat16")
if cpu_ops.available():
    from src.backend.cpu_ops.operators import AddOp, ConcatOp, Conv2dOp, ConvertOp, NormOp
    from src.models.maps import sharing

STEP = 2.0**-7  # from one bfloat16 number to the next, as a share of it, at most


def rounded(x: np.ndarray) -> np.ndarray:
    """The nearest bfloat16 numbers, as float32."""
    bits = x.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) & np.uint32(0xFFFF0000)).view(np.float32)


def run(function, arrays: list[np.ndarray], weights: np.ndarray, half: bool) -> list[np.ndarray]:
    """Value of `function`, whose first array is a map of either type, and the gradients of sum(value * weights)."""
    to_half, to_float = ConvertOp(half=True), ConvertOp()

    def loss(*args):
        y = to_float(function(to_half(args[0]) if half else args[0], *args[1:]))
        return (y * ms.Tensor(weights)).sum(), y

    (_, y), gradients = ms.value_and_grad(loss, tuple(range(len(arrays))), has_aux=True)(*map(ms.Tensor, arrays))
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return [y.asnumpy(), *(g.asnumpy() for g in gradients)]


def near(half: np.ndarray, full: np.ndarray, steps: float) -> None:
    """Within so many steps of bfloat16, measured at the array's largest number."""
    assert half.shape == full.shape
    np.testing.assert_allclose(half, full, rtol=0, atol=steps * STEP * max(1e-3, float(np.abs(full).max())))


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution(name: str):
    """Operands that are bfloat16 numbers: outputs are rounded once, weight gradients not at all."""
    size, c_in, c_out, kernel, stride, pad, dilation, group, bias = CONVOLUTIONS[name]
    x, w, b = rounded(rand(*size, c_in)), rounded(rand(c_out, c_in // group, kernel, kernel)), rand(c_out)
    op, arrays = Conv2dOp(stride, pad, dilation, group, bias), [x, w, b][: 3 if bias else 2]
    h, width = (
        (s + sum(p) - dilation * (kernel - 1) - 1) // stride + 1 for s, p in ((size[1], pad[:2]), (size[2], pad[2:]))
    )
    weights = rounded(rand(size[0], h, width, c_out, seed=1))
    half, full = (run(op, arrays, weights, h) for h in (True, False))
    near(half[0], full[0], 0.51)
    near(half[1], full[1], 0.51)
    for ours, truth in zip(half[2:], full[2:], strict=True):
        near(ours, truth, 0.01)


@pytest.mark.parametrize("name", NORMS)
def test_norm(name: str):
    shape, bn, act, training, shortcut = NORMS[name]
    length = max(bn, 1)
    x, added = rounded(2 * rand(*shape) + 3), rounded(rand(*shape, seed=2))
    gamma, beta, mean, variance = (
        rand(length, low=0.5),
        rand(length),
        rand(length, seed=3),
        rand(length, low=0.5, seed=3),
    )
    op, weights = NormOp(bn, 1e-5, 0.9, act, shortcut), rounded(rand(*shape, seed=1))
    to_half = ConvertOp(half=True)

    def function(x, gamma, beta, *shortcut):
        added = [to_half(a) if x.dtype == ms.bfloat16 else a for a in shortcut]
        return op(x, gamma, beta, ms.Tensor(mean), ms.Tensor(variance), training, *added)[0]

    arrays = [x, gamma, beta, added][: 4 if shortcut else 3]
    half, full = (run(function, arrays, weights, h) for h in (True, False))
    for index, (ours, truth) in enumerate(zip(half, full, strict=True)):
        near(ours, truth, 0.01 if index in (2, 3) else 0.51)

    typed = [ms.Tensor(x).astype(ms.bfloat16), ms.Tensor(gamma), ms.Tensor(beta), ms.Tensor(mean), ms.Tensor(variance)]
    added_map = [ms.Tensor(added).astype(ms.bfloat16)] * shortcut
    new = op(*typed, training, *added_map)[1:]
    plain = op(ms.Tensor(x), *typed[1:], training, *[ms.Tensor(added)] * shortcut)[1:]
    for ours, truth in zip(new, plain, strict=True):
        assert ours.dtype == ms.float32
        np.testing.assert_allclose(ours.asnumpy(), truth.asnumpy(), rtol=1e-6)


@pytest.mark.parametrize("flags", [(True,), (True, False), (False, True, False)])
def test_concat(flags: tuple[bool, ...]):
    sizes = [(5, 7) if flag else (10, 14) for flag in flags]
    arrays = [rounded(rand(2, *size, channels)) for size, channels in zip(sizes, (16, 3, 5), strict=False)]
    op, to_half = ConcatOp(*flags), ConvertOp(half=True)
    weights = rounded(rand(2, 10, 14, sum(a.shape[3] for a in arrays), seed=1))

    def function(first, *others):
        return op(first, *[to_half(a) if first.dtype == ms.bfloat16 else a for a in others])

    for ours, truth in zip(*(run(function, arrays, weights, h) for h in (True, False)), strict=True):
        near(ours, truth, 0.51)


def test_conversion_rounds_to_the_nearest_and_ties_to_even():
    values = np.array([1, 1 + 2**-8, 1 + 2**-8 + 2**-20, 1 + 3 * 2**-8, -2.7, 3e38, 0], np.float32).reshape(1, 1, 1, 7)
    half = ConvertOp(half=True)(ms.Tensor(values))
    assert half.dtype == ms.bfloat16
    back = ConvertOp()(half).asnumpy().ravel()
    np.testing.assert_array_equal(back, rounded(values).ravel())
    np.testing.assert_array_equal(back[:4], [1, 1, 1 + 2**-7, 1 + 2**-6])


def test_a_shared_map_gets_the_sum_of_both_gradients():
    x, weights = rounded(rand(1, 3, 3, 5)), rounded(rand(1, 3, 3, 5, seed=1))
    share, add, norm = sharing(), AddOp(), NormOp(0, shortcut=True)

    def function(x):
        a, b = share(x)
        return norm(b, *[ms.Tensor([1.0])] * 4, False, a)[0]

    half, full = (run(function, [x], weights, h) for h in (True, False))
    near(half[1], full[1], 1.5)
    total = add(ms.Tensor(x).astype(ms.bfloat16), ms.Tensor(weights).astype(ms.bfloat16)).astype(ms.float32).asnumpy()
    np.testing.assert_array_equal(total, rounded(x + weights))


def test_maps_of_two_types_are_refused(capfd: pytest.CaptureFixture):
    half, full = ms.Tensor(rand(1, 4, 4, 3)).astype(ms.bfloat16), ms.Tensor(rand(1, 4, 4, 3))
    with pytest.raises(RuntimeError):
        ConcatOp(False, False)(half, full).asnumpy()
    assert "argument 1 is float32, expected bfloat16" in capfd.readouterr().err
