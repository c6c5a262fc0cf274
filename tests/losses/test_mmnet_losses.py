"""MMNet's five losses: by hand, and against PyTorch."""

import math

import mindspore as ms
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from src.config.config import Config
from src.losses import mmnet_losses, objective_of
from src.losses.mmnet import sobel

SIZE = 32
ONES = (1.0, 1.0, 1.0, 1.0, 1.0)


def plane(value: float, side: int = SIZE) -> np.ndarray:
    return np.full((1, 1, side, side), value, np.float32)


def logits(probability: float, side: int = SIZE) -> np.ndarray:
    """Background 0.3, and the person's so that its softmax is `probability`."""
    return np.concatenate([plane(0.3, side), plane(0.3 + math.log(probability / (1 - probability)), side)], axis=1)


def losses(main, auxiliary, image, alpha, *options) -> list[float]:
    values = mmnet_losses(tuple(map(ms.Tensor, (main, auxiliary))), ms.Tensor(image), ms.Tensor(alpha), *options)
    return [float(value.asnumpy()) for value in values]


def test_by_hand():
    image = np.concatenate([plane(0.2), plane(0.4), plane(0.9)], axis=1)  # mean 0.5
    alpha, comp, grad, kd, aux = losses(logits(0.75), logits(0.5, 2), image, plane(0.25), ONES)
    assert alpha == pytest.approx(0.5 / 5, rel=1e-5)
    assert comp == pytest.approx(0.5 * 0.5 / 5, rel=1e-5)
    # A plane has a slope only where zeros border on it: 0.5 * (1 + 2 + 1) / 8 on the outer rows and columns, 3/4 of
    # it in the corners.
    along = 2 * (SIZE - 2) * 0.25 + 4 * 0.1875
    assert grad == pytest.approx(along / SIZE**2 / 5, rel=1e-5)
    assert kd == pytest.approx(-(0.75 * math.log(0.25) + 0.25 * math.log(0.75)) / 5, rel=1e-5)
    assert aux == pytest.approx(math.log(2) / 5, rel=1e-5)


def test_the_faithful_composition_is_a_255th():
    batch = logits(0.75), logits(0.5, 2), np.concatenate([plane(0.5)] * 3, axis=1), plane(0.25)
    intended, faithful = losses(*batch, ONES), losses(*batch, ONES, True)
    assert faithful[1] == pytest.approx(intended[1] / 255, rel=1e-5)
    assert [*faithful[:1], *faithful[2:]] == pytest.approx([*intended[:1], *intended[2:]], rel=1e-6)


def test_weights_are_divided_by_their_sum():
    batch = logits(0.75), logits(0.5, 2), np.concatenate([plane(0.5)] * 3, axis=1), plane(0.25)
    even, uneven = losses(*batch, ONES), losses(*batch, (3.0, 0.0, 1.0, 0.0, 4.0))
    assert uneven == pytest.approx([weight * 5 / 8 * part for weight, part in zip((3, 0, 1, 0, 4), even, strict=True)])


def test_the_auxiliary_head_sees_the_first_pixel_of_each_cell():
    alpha = plane(0.0)
    alpha[0, 0, ::16, ::16] = 1
    *_, aux = losses(logits(0.5), logits(0.8, 2), np.concatenate([plane(0.5)] * 3, axis=1), alpha, ONES)
    assert aux == pytest.approx(-math.log(0.8) / 5, rel=1e-4)


def test_sobel_by_hand():
    x = np.zeros((1, 1, 3, 4), np.float32)
    x[0, 0, 1, 1] = 8
    across, down = (sobel(ms.Tensor(x), axis).asnumpy()[0, 0] for axis in (3, 2))
    np.testing.assert_array_equal(across, [[1, 0, -1, 0], [2, 0, -2, 0], [1, 0, -1, 0]])
    np.testing.assert_array_equal(down, [[1, 2, 1, 0], [0, 0, 0, 0], [-1, -2, -1, 0]])


def test_values_and_gradients_equal_pytorch():
    rng = np.random.default_rng(0)
    main, auxiliary = (4 * rng.standard_normal((2, 2, s, s)).astype(np.float32) for s in (SIZE, SIZE // 16))
    image, alpha = (rng.uniform(0, 1, (2, c, SIZE, SIZE)).astype(np.float32) for c in (3, 1))
    weights = (1.0, 2.0, 3.0, 4.0, 5.0)

    def total(first: ms.Tensor, second: ms.Tensor) -> tuple:
        parts = mmnet_losses((first, second), ms.Tensor(image), ms.Tensor(alpha), weights)
        return sum(parts), parts

    (_, parts), gradients = ms.value_and_grad(total, (0, 1), has_aux=True)(ms.Tensor(main), ms.Tensor(auxiliary))
    theirs = [torch.from_numpy(x).double().requires_grad_() for x in (main, auxiliary)]
    expected = torch_losses(*theirs, *(torch.from_numpy(x).double() for x in (image, alpha)))
    expected = [weight / 15 * part for weight, part in zip(weights, expected, strict=True)]
    sum(expected).backward()
    assert [float(part.asnumpy()) for part in parts] == pytest.approx([part.item() for part in expected], rel=1e-5)
    for ours, tensor in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(ours.asnumpy(), tensor.grad.numpy(), atol=1e-7, rtol=1e-4)


def torch_losses(main, auxiliary, image, alpha) -> list[torch.Tensor]:
    """The formulas as they are written, none of them simplified."""
    matte = torch.softmax(main, 1)[:, 1:]
    kernel = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double() / 8
    kernels = torch.stack([kernel, kernel.T])[:, None]
    slopes = [F.conv2d(x, kernels, padding=1) for x in (matte, alpha)]
    coarse = F.interpolate(alpha, scale_factor=1 / 16, mode="nearest")

    def entropy(values, labels):
        return -(torch.cat([1 - labels, labels], 1) * torch.log_softmax(values, 1)).sum(1).mean()

    return [
        (matte - alpha).abs().mean(),
        (image * matte - image * alpha).abs().mean(),
        (slopes[0] - slopes[1]).abs().mean(),
        entropy(main, alpha),
        entropy(auxiliary, coarse),
    ]


def test_the_configuration_sets_weights_and_composition():
    config = Config.from_values(network="mmnet", lambda_alpha_loss=2.0, lambda_aux_loss=0.0, composition="faithful")
    objective = objective_of("mmnet", config.loss)
    assert objective.names == ("alpha", "comp", "grad", "kd", "aux") and not objective.decay_depthwise
    batch = logits(0.75), logits(0.5, 2), np.concatenate([plane(0.5)] * 3, axis=1), plane(0.25)
    predictions, image, alpha = tuple(map(ms.Tensor, batch[:2])), ms.Tensor(batch[2]), ms.Tensor(batch[3])
    parts = [float(part.asnumpy()) for part in objective.losses(predictions, image, alpha, alpha)]
    assert parts == pytest.approx(losses(*batch, (2.0, 1.0, 1.0, 1.0, 0.0), True), rel=1e-6)
