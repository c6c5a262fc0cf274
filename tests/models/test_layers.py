"""Every building block against PyTorch, on MindSpore's own operators and on the native ones."""

import mindspore as ms
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from benchmarks.reference.torch_spec import IBNorm, SameConv
from src.backend import cpu_ops
from src.models import maps
from src.models.layers import Concat, Conv2d, NormAct, SqueezeExcite
from src.models.maps import ToLayout
from src.models.portable import resize
from src.models.units import MatteHead
from src.spec.blocks import Norm

ACTIVATIONS = {
    "none": lambda x: x, "relu": F.relu, "relu6": F.relu6, "hswish": F.hardswish, "leaky_relu": F.leaky_relu,
    "silu": F.silu,
}  # fmt: skip


@pytest.fixture(params=["portable", "native"])
def layout(request, monkeypatch) -> str:
    """Cells built inside the test take this layout."""
    if request.param == "native" and not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: request.param == "native")
    return request.param


def noise(*shape: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32)


def call(layout: str, cell, *maps: np.ndarray) -> np.ndarray:
    """The cell's answer to maps [N, C, H, W], as such a map."""
    to_layout = ToLayout()
    y = cell(*(to_layout(ms.Tensor(x)) for x in maps)).asnumpy()
    return y.transpose(0, 3, 1, 2) if layout == "native" and not isinstance(cell, MatteHead) else y


def double(x: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(x).double()


def put(parameter: ms.Parameter, value: np.ndarray) -> None:
    assert parameter.shape == value.shape
    parameter.set_data(ms.Tensor(value))


@pytest.mark.parametrize("size", [(12, 14), (13, 9)])
@pytest.mark.parametrize(
    ("kernel", "stride", "group", "bias"),
    [(1, 1, 1, False), (3, 1, 1, True), (3, 2, 1, False), (3, 1, 6, False), (5, 2, 6, False), (5, 1, 2, True)],
)
def test_convolution(layout, kernel, stride, group, bias, size):
    cell = Conv2d(6, 12, kernel, stride, group, bias)
    weight, x = noise(12, 6 // group, kernel, kernel, seed=1), noise(2, 6, *size)
    put(cell.weight, weight)
    vector = None
    if bias:
        vector = noise(12, seed=2)
        put(cell.bias, vector)
    expected = F.conv2d(
        double(x), double(weight), None if vector is None else double(vector), stride, kernel // 2, 1, group
    )
    np.testing.assert_allclose(call(layout, cell, x), expected.numpy(), atol=2e-5)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("group", [1, 4])
def test_same_padding_is_tensorflows_for_even_sides(layout, kernel, stride, group):
    cell = Conv2d(4, 4, kernel, stride, group, same_padding=True)
    weight, x = noise(4, 4 // group, kernel, kernel, seed=1), noise(2, 4, 10, 16)
    put(cell.weight, weight)
    oracle = SameConv(4, 4, kernel, stride, groups=group, bias=False).double()
    oracle.weight.data = double(weight)
    y = call(layout, cell, x)
    assert y.shape == (2, 4, 10 // stride, 16 // stride)
    np.testing.assert_allclose(y, oracle(double(x)).detach().numpy(), atol=2e-5)


def test_same_padding_puts_the_odd_zero_at_the_bottom_and_right(layout):
    cell = Conv2d(1, 1, 3, 2, same_padding=True)
    put(cell.weight, np.ones((1, 1, 3, 3), np.float32))
    np.testing.assert_array_equal(call(layout, cell, np.ones((1, 1, 4, 4), np.float32))[0, 0], [[9, 6], [6, 4]])


def norm_pair(norm: Norm, act: str, shortcut: bool, eps: float = 1e-5) -> tuple[NormAct, IBNorm]:
    """Ours and PyTorch's, with the same random parameters and statistics."""
    cell, oracle = NormAct(norm, act, eps, shortcut), IBNorm(norm, eps).double()
    if norm.bn:
        values = [1 + noise(norm.bn, seed=k, scale=0.2) for k in (3, 4)] + [noise(norm.bn, seed=k) for k in (5, 6)]
        ours, theirs = cell.bnorm, oracle.bnorm
        pairs = zip((ours.gamma, ours.moving_variance, ours.beta, ours.moving_mean), values, strict=True)
        for parameter, value in pairs:
            put(parameter, value)
        tensors = (theirs.weight.data, theirs.running_var, theirs.bias.data, theirs.running_mean)
        for tensor, value in zip(tensors, values, strict=True):
            tensor.copy_(double(value))
    return cell, oracle


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shortcut", [True, False])
@pytest.mark.parametrize("act", ACTIVATIONS)
@pytest.mark.parametrize("norm", [Norm(4, 0), Norm(0, 4), Norm(2, 3), Norm(1, 1)], ids=str)
def test_norm_activation_and_shortcut(layout, norm, act, shortcut, training):
    cell, oracle = norm_pair(norm, act, shortcut)
    cell.set_train(training)
    oracle.train(training)
    x, added = noise(3, norm.channels, 6, 5, seed=1, scale=4) + 1.5, noise(3, norm.channels, 6, 5, seed=2)
    for _ in range(2):  # a second call must not see anything that the first one wrote into constants
        expected = ACTIVATIONS[act](oracle(double(x)))
        y = call(layout, cell, x, added) if shortcut else call(layout, cell, x)
        np.testing.assert_allclose(y, (expected + double(added) if shortcut else expected).detach().numpy(), atol=2e-5)
    if norm.bn:
        np.testing.assert_allclose(cell.bnorm.moving_mean.asnumpy(), oracle.bnorm.running_mean, atol=1e-6)
        np.testing.assert_allclose(cell.bnorm.moving_variance.asnumpy(), oracle.bnorm.running_var, rtol=2e-6)


def test_the_epsilon_counts(layout):
    cell, oracle = norm_pair(Norm(2, 0), "none", False, eps=0.5)
    x = noise(2, 2, 4, 4)
    y = call(layout, cell.set_train(True), x)
    np.testing.assert_allclose(y, oracle(double(x)).detach().numpy(), atol=1e-5)


def test_norm_gradients(layout):
    cell, oracle = norm_pair(Norm(2, 3), "relu", True)
    cell.set_train(True)
    x, added, pull = noise(3, 5, 6, 4, seed=1), noise(3, 5, 6, 4, seed=2), noise(3, 5, 6, 4, seed=3)
    to_layout = ToLayout()
    weights = to_layout(ms.Tensor(pull))

    def objective(x: ms.Tensor, added: ms.Tensor) -> ms.Tensor:
        return (cell(to_layout(x), to_layout(added)) * weights).sum()

    inputs = (ms.Tensor(x), ms.Tensor(added))
    _, (by_input, by_weight) = ms.value_and_grad(objective, (0, 1), cell.trainable_params())(*inputs)
    their_x, their_added = double(x).requires_grad_(), double(added).requires_grad_()
    ((F.relu(oracle(their_x)) + their_added) * double(pull)).sum().backward()
    for ours, theirs in zip(by_input, (their_x, their_added), strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs.grad.numpy(), atol=2e-5)
    assert [p.name.rpartition(".")[2] for p in cell.trainable_params()] == ["gamma", "beta"]
    for ours, theirs in zip(by_weight, (oracle.bnorm.weight, oracle.bnorm.bias), strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs.grad.numpy(), atol=5e-5)


@pytest.mark.parametrize(
    "upsample", [(True,), (True, False), (False, True), (False, False, False), (True, False, True)]
)
def test_concatenation_upsamples_the_flagged_maps(layout, upsample):
    maps = [noise(2, 3 + i, *((4, 6) if flag else (8, 12)), seed=i) for i, flag in enumerate(upsample)]
    sized = [
        F.interpolate(double(x), scale_factor=2, mode="bilinear", align_corners=False) if flag else double(x)
        for x, flag in zip(maps, upsample, strict=True)
    ]
    y = call(layout, Concat(*upsample), *maps)
    np.testing.assert_allclose(y, torch.cat(sized, 1).numpy(), atol=1e-6)


def test_resize_has_half_pixel_centres_and_no_smoothing():
    x = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
    np.testing.assert_allclose(resize(ms.Tensor(x), 1, 4).asnumpy()[0, 0, 0], [0.5, 2.5, 4.5, 6.5])
    np.testing.assert_allclose(resize(ms.Tensor(x), 1, 2).asnumpy()[0, 0, 0], [1.5, 5.5])
    np.testing.assert_allclose(resize(ms.Tensor(x[..., :2]), 1, 4).asnumpy()[0, 0, 0], [0, 0.25, 0.75, 1])
    image = noise(2, 3, 96, 64)
    expected = F.interpolate(torch.from_numpy(image), scale_factor=1 / 4, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(resize(ms.Tensor(image), 24, 16).asnumpy(), expected.numpy(), atol=1e-6)


def test_squeeze_excite(layout):
    cell = SqueezeExcite(6, 2)
    first, second, x = noise(2, 6, seed=1), noise(6, 2, seed=2), noise(3, 6, 4, 5)
    put(cell.fc1.weight, first)
    put(cell.fc2.weight, second)
    gate = 1 / (1 + np.exp(-np.maximum(x.mean((2, 3)) @ first.T, 0) @ second.T))
    np.testing.assert_allclose(call(layout, cell, x), x * gate[:, :, None, None], atol=1e-5)


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 2)])
def test_matte_head_leaves_the_layout(layout, kernel, stride):
    cell = MatteHead(4, kernel, stride)
    weight, x = noise(1, 4, kernel, kernel, seed=1), noise(2, 4, 6, 10)
    put(cell.conv.weight, weight)
    put(cell.conv.bias, np.float32([0.3]))
    expected = torch.sigmoid(F.conv2d(double(x), double(weight), double(np.float32([0.3])), stride, kernel // 2))
    y = call(layout, cell, x)
    assert y.shape == (2, 1, 6 // stride, 10 // stride)
    np.testing.assert_allclose(y, expected.numpy(), atol=1e-6)
