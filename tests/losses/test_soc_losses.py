"""Losses of self-supervised adaptation: the original program's numbers, the band of a small square, gradients."""

import json

import mindspore as ms
import numpy as np
import pytest
from mindspore import ops

from benchmarks.reference import golden
from src.config.config import Config
from src.losses import soc_losses, soc_objective
from src.losses.soc import boundary
from src.models.norms import freeze_batch_norm
from tests.support.golden_networks import network
from tests.support.steps import adaptation_step


@pytest.mark.slow
def test_losses_of_two_golden_steps():
    """The official network at its full size; the backup is a copy whose kernels are 2 % larger."""
    expected = json.loads((golden.HERE / "soc_losses.json").read_text())
    image = golden.training_batch(expected["size"], expected["seed"], expected["batch"])[0]
    cell = network.__wrapped__("official").set_train(True)  # not the shared one: training changes it
    freeze_batch_norm(cell)
    semantic, detail = expected["scales"]
    config = Config.from_values(optimizer="adam", lr=1e-5, momentum=0.9, beta2=0.99, soc_semantic_scale=semantic,
                    soc_detail_scale=detail)  # fmt: skip
    step = adaptation_step(cell, config)
    for parameter in step.backup.get_parameters():
        if parameter.ndim == 4:
            parameter.set_data(ms.Tensor(parameter.asnumpy() * np.float32(1.02)))
    losses = [list(step((image,), config.schedule.lr, i).parts.values()) for i in range(2)]
    golden_losses = expected["losses_soc_semantic_detail_per_step"]
    np.testing.assert_allclose(losses[0], golden_losses[0], rtol=1e-4)
    np.testing.assert_allclose(losses[1], golden_losses[1], rtol=0.02)


def square(size: int, top: int, left: int, side: int) -> ms.Tensor:
    matte = np.zeros((1, 1, size, size), np.float32)
    matte[:, :, top : top + side, left : left + side] = 1
    return ms.Tensor(matte)


def test_band_of_a_square():
    """64 pixels: windows of int(3.2) = 3, so that the band reaches one pixel to either side of the square's edge."""
    band = boundary(ms.Tensor(np.ones((1, 1, 4, 4), np.float32)), square(64, 20, 30, 10)).asnumpy()[0, 0]
    expected = np.zeros((64, 64), np.float32)
    expected[19:31, 29:41] = 1
    expected[21:29, 31:39] = 0
    np.testing.assert_array_equal(band, expected)


def test_band_of_an_even_window():
    """96 pixels: windows of 4 reach 2 pixels back and 1 on to erode; to dilate they are mirrored (SciPy's convention).

    Rows that see the square 20 ... 29: dilated 19 to 31 by 1 back and 2 on, hence 18 ... 30 of which 22 ... 28 erode.
    """
    scipy = pytest.importorskip("scipy.ndimage")
    matte = square(96, 20, 30, 10)
    band = boundary(ms.Tensor(np.ones((1, 1, 6, 6), np.float32)), matte).asnumpy()[0, 0]
    plane = matte.asnumpy()[0, 0]
    expected = scipy.grey_dilation(plane, size=(4, 4)) - scipy.grey_erosion(plane, size=(4, 4)) != 0
    np.testing.assert_array_equal(band, expected)
    assert band.sum() == 13 * 13 - 7 * 7


def test_a_band_at_the_border_and_without_semantics():
    """A square in the corner has a band along its inner edges; where the semantic matte sees nobody is none."""
    sure = ms.Tensor(np.ones((1, 1, 4, 4), np.float32))
    band = boundary(sure, square(64, 0, 0, 10)).asnumpy()[0, 0]
    expected = np.zeros((64, 64), np.float32)
    expected[:11, :11] = 1
    expected[:9, :9] = 0
    np.testing.assert_array_equal(band, expected)
    assert float(boundary(sure * 0, square(64, 20, 30, 10)).sum()) == 0


def random_predictions(seed: int = 0) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
    rng = np.random.default_rng(seed)
    return tuple(ms.Tensor(rng.random((2, 1, side, side), np.float32)) for side in (4, 64, 64))


def test_detail_loss_is_a_mean_over_each_images_band():
    """One image with a band and one without: (0.25 + 0.5) / 2, times the scale."""
    matte = ops.cat((square(64, 20, 30, 10), square(64, 0, 0, 0)))
    semantic = ops.cat((ms.Tensor(np.ones((1, 1, 4, 4), np.float32)), ms.Tensor(np.zeros((1, 1, 4, 4), np.float32))))
    detail = ops.ones_like(matte) * 0.75
    _, loss = soc_losses((semantic, detail, matte), detail - 0.25, matte + 0.5, (100.0, 3.0))
    assert float(loss) == pytest.approx(3 * (0.25 + 0.5) / 2, rel=1e-5)


def test_semantic_loss_by_hand():
    """A flat matte of 0.4 and a semantic matte of 0.7: twice 0.3 squared; of 0.008, which counts as 0, 0.4 squared."""
    matte = ops.ones((1, 1, 64, 64), ms.float32) * 0.4
    for value, expected in ((0.7, 0.3**2 + 0.3**2), (0.008, (0.4 - 0.008) ** 2 + 0.4**2)):
        semantic = ops.ones((1, 1, 4, 4), ms.float32) * value
        loss, _ = soc_losses((semantic, matte, matte), matte, matte, (100.0, 1.0))
        assert float(loss) == pytest.approx(100 * expected, rel=1e-4)


def test_gradients_reach_each_prediction_once_and_no_target():
    """d/ds of mean (s - [c])^2 + mean (c - [s])^2 is 2 (s - c) / n: half of what it were without the fixed targets."""
    predictions, backup = random_predictions(), random_predictions(1)[1:]

    def semantic(semantic: ms.Tensor, detail: ms.Tensor, matte: ms.Tensor) -> ms.Tensor:
        return soc_losses((semantic, detail, matte), *backup)[0]

    def drift(semantic: ms.Tensor, detail: ms.Tensor, matte: ms.Tensor) -> ms.Tensor:
        return soc_losses((semantic, detail, matte), *backup)[1]

    coarse_loss, (by_semantic, by_detail, by_matte) = ms.value_and_grad(semantic, (0, 1, 2))(*predictions)
    assert float(by_detail.abs().max()) == 0
    # The two terms are equal where no value is below 0.01, so that each is half of the loss.
    difference = 2 * 100 * np.sqrt(float(coarse_loss) / 200 / by_semantic.size)
    assert float(ops.square(by_semantic).sum().sqrt()) == pytest.approx(difference, rel=0.02)
    # Blur and resize hand on the whole of what comes from the coarse matte, whose gradient is the negative.
    assert float(by_matte.sum()) == pytest.approx(-float(by_semantic.sum()), rel=0.02)
    _, (by_semantic, by_detail, by_matte) = ms.value_and_grad(drift, (0, 1, 2))(*predictions)
    assert float(by_semantic.abs().max()) == 0
    band = boundary(predictions[0], predictions[2]).asnumpy()
    sign = np.sign(predictions[1].asnumpy() - backup[0].asnumpy())
    expected = band * sign / band.sum(axis=(1, 2, 3), keepdims=True) / 2
    np.testing.assert_allclose(by_detail.asnumpy(), expected, atol=1e-9)
    assert float(by_matte.abs().sum()) == pytest.approx(1, rel=1e-4)


def test_names_and_scales_come_from_the_configuration():
    predictions, backup = random_predictions(), random_predictions(1)[1:]
    objective = soc_objective(Config.from_values(soc_semantic_scale=7.0, soc_detail_scale=0.5).soc)
    assert objective.names == ("soc_semantic", "soc_detail")
    ours = [float(loss) for loss in objective.losses(predictions, None, *backup)]
    plain = [float(loss) for loss in soc_losses(predictions, *backup, (1.0, 1.0))]
    assert ours == pytest.approx([7 * plain[0], 0.5 * plain[1]], rel=1e-5)
