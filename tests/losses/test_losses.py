"""The three training losses: by hand, and against the PyTorch transcription."""

import mindspore as ms
import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from benchmarks.reference import torch_modnet
from src.losses import blur3x3, modnet_losses
from tests.support.narrow import narrow_batch

SIZE = 32


def plane(value: float, side: int = SIZE) -> np.ndarray:
    return np.full((1, 1, side, side), value, np.float32)


def half_band(rest: float) -> np.ndarray:
    """Trimap whose left half is unknown."""
    trimap = plane(rest)
    trimap[..., : SIZE // 2] = 0.5
    return trimap


def losses(semantic, detail, matte, image, trimap, alpha, *scales) -> list[float]:
    predictions = tuple(ms.Tensor(x) for x in (semantic, detail, matte))
    values = modnet_losses(predictions, ms.Tensor(image), ms.Tensor(trimap), ms.Tensor(alpha), *scales)
    return [float(value.asnumpy()) for value in values]


def test_by_hand():
    image = np.concatenate([plane(-0.5), plane(0.5), plane(0.2)], axis=1)  # mean magnitude 0.4
    semantic, detail, matte = losses(plane(0.5, SIZE // 16), plane(0.75), plane(0.8), image, half_band(1.0), plane(1.0))
    assert semantic == pytest.approx(10 * 0.25, rel=1e-6)  # a constant alpha stays 1 through shrinking and blur
    assert detail == pytest.approx(10 * 0.25 / 2, rel=1e-6)  # the band is half of the image
    # |0.8 - 1| everywhere and four times more in the band: 0.2 + 4 * 0.1; with the composition: * (1 + 0.4)
    assert matte == pytest.approx(0.6 * 1.4, rel=1e-6)


def test_outside_the_band_the_matte_loss_compares_trimap_and_alpha():
    black = np.zeros((1, 3, SIZE, SIZE), np.float32)
    truth = plane(0.9)
    _, detail, matte = losses(plane(0.5, 2), plane(0.9), plane(0.9), black, half_band(1.0), truth)
    assert detail == pytest.approx(0, abs=1e-6)
    assert matte == pytest.approx(4 * 0.1 / 2, rel=1e-5)  # |1 - 0.9| in the known half


def test_scales_multiply_their_loss():
    batch = (plane(0.5, 2), plane(0.75), plane(0.8), np.zeros((1, 3, SIZE, SIZE), np.float32), half_band(1), plane(1))
    assert losses(*batch, (1.0, 2.0, 3.0)) == pytest.approx([0.25, 2 * 0.125, 3 * 0.6], rel=1e-6)


def test_blur_is_the_3x3_gaussian_with_mirrored_border():
    kernel = np.zeros((3, 3))
    kernel[1, 1] = 1
    kernel = gaussian_filter(kernel, 0.8)
    x = np.zeros((1, 1, 6, 6), np.float32)
    x[0, 0, 3, 3] = 1
    np.testing.assert_allclose(blur3x3(ms.Tensor(x)).asnumpy()[0, 0, 2:5, 2:5], kernel, atol=1e-7)
    x = np.zeros((1, 1, 4, 4), np.float32)
    x[0, 0, 1, 1] = 1  # at the corner, both neighbours on each axis are this pixel
    blurred = blur3x3(ms.Tensor(x)).asnumpy()[0, 0]
    assert blurred[0, 0] == pytest.approx(4 * kernel[0, 0], rel=1e-5)
    assert blurred[0, 1] == pytest.approx(2 * kernel[0, 1], rel=1e-5)


def test_values_and_gradients_equal_the_oracle():
    image, trimap, alpha = narrow_batch(64, 3)
    rng = np.random.default_rng(1)
    maps = [rng.uniform(0.01, 0.99, (3, 1, side, side)).astype(np.float32) for side in (4, 64, 64)]
    truth = [ms.Tensor(x) for x in (image, trimap, alpha)]

    def total(semantic: ms.Tensor, detail: ms.Tensor, matte: ms.Tensor) -> tuple:
        parts = modnet_losses((semantic, detail, matte), *truth)
        return parts[0] + parts[1] + parts[2], parts

    (_, parts), gradients = ms.value_and_grad(total, (0, 1, 2), has_aux=True)(*(ms.Tensor(x) for x in maps))
    theirs = [torch.from_numpy(x).double().requires_grad_() for x in maps]
    expected = torch_modnet.losses(tuple(theirs), *(torch.from_numpy(x).double() for x in (image, trimap, alpha)))
    sum(expected).backward()
    for ours, value in zip(parts, expected, strict=True):
        assert float(ours.asnumpy()) == pytest.approx(value.item(), rel=1e-5)
    for ours, tensor in zip(gradients, theirs, strict=True):
        np.testing.assert_allclose(ours.asnumpy(), tensor.grad.numpy(), atol=1e-7, rtol=1e-4)
