"""MMNet's own measures: the kernel's numbers, and scores by hand at both sizes."""

import numpy as np
import pytest

from src.imaging import fit, resize_align_corners, resize_legacy
from src.metrics.matte import score
from src.metrics.mmnet import derivative_kernels, gauss_gradient_error, mmnet_scores
from src.spec.preprocess import Preprocess


def test_the_kernel():
    smooth, slope = derivative_kernels()
    kernel = np.outer(smooth, slope)
    assert kernel.shape == (9, 9) and np.outer(smooth, smooth)[4, 4] == pytest.approx(0.0813689, abs=1e-7)
    np.testing.assert_allclose(kernel[4, 5:], [-0.032167, -0.029928, -0.012538, -0.002803], atol=1e-6)
    assert np.abs(kernel).sum() == pytest.approx(0.542928, abs=1e-6)


def test_a_step_against_nothing():
    step = np.zeros((32, 32), np.float32)
    step[:, 16:] = 1
    assert gauss_gradient_error(step, 0 * step) == pytest.approx(0.0411472, abs=1e-7)
    assert gauss_gradient_error(0 * step, step.T) == pytest.approx(0.0411472, abs=1e-7)
    assert gauss_gradient_error(step, step) == 0


def test_a_shift_of_all_values_has_no_gradient():
    step = np.zeros((40, 30), np.float32)
    step[7:, 9:] = 0.5
    assert gauss_gradient_error(step + 0.25, step) == pytest.approx(0, abs=1e-7)


def test_the_length_of_the_gradient_counts():
    """Plane ramps: the kernel's response to x is -1 less what it cuts off, and lengths add as Pythagoras says."""
    y, x = np.mgrid[:20, :20].astype(np.float32) / 100
    slope = derivative_kernels()[1]
    response = abs(np.dot(slope, np.arange(-4, 5))) / 100
    assert gauss_gradient_error(3 * x + 4 * y, 0 * x) == pytest.approx(5 * response, rel=1e-4)


def test_scores_at_both_sizes():
    truth = np.zeros((1000, 500), np.float32)
    truth[500:] = 1
    scores = mmnet_scores(np.full((1, 1, 64, 32), 0.25, np.float32), truth)
    assert set(scores) == {"mad_network", "gauss_grad_network", "mad_800_600", "gauss_grad_800_600"}
    assert scores["mad_network"] == scores["mad_800_600"] == pytest.approx((0.25 + 0.75) / 2, rel=1e-6)
    # One edge, as wide as the image, on the rows that the filter sees.
    edge = 0.0411472 * 24
    assert scores["gauss_grad_network"] == pytest.approx(edge / 56, rel=1e-4)
    assert scores["gauss_grad_800_600"] == pytest.approx(edge / 792, rel=1e-4)
    own = score(np.full(truth.shape, 0.25, np.float32), truth)
    assert own.mad == pytest.approx(0.5, rel=1e-6) and own.grad != scores["gauss_grad_network"]


def test_corners_stay_corners():
    x = np.float32([[0, 3, 6], [9, 12, 15]])
    np.testing.assert_allclose(resize_align_corners(x, 3, 5), [[0, 1.5, 3, 4.5, 6], [4.5, 6, 7.5, 9, 10.5],
                                                               [9, 10.5, 12, 13.5, 15]])  # fmt: skip
    np.testing.assert_allclose(resize_align_corners(np.arange(9, dtype=np.float32)[None], 1, 3), [[0, 4, 8]])
    np.testing.assert_array_equal(resize_align_corners(x, 1, 1), [[0]])
    assert resize_align_corners(x, 2, 3) is x


def test_the_legacy_rule():
    x = np.float32([[0, 4, 8, 12]])
    np.testing.assert_allclose(resize_legacy(x, 1, 8), [[0, 2, 4, 6, 8, 10, 12, 12]])
    np.testing.assert_allclose(resize_legacy(x, 2, 3), [[0, 16 / 3, 32 / 3]] * 2, rtol=1e-6)


def test_images_keep_their_type_and_channels():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    resized = resize_align_corners(image, 11, 47)
    assert resized.dtype == np.uint8 and resized.shape == (11, 47, 3)
    exact = resize_align_corners(image.astype(np.float32), 11, 47)
    assert np.abs(resized - exact).max() <= 0.5
    np.testing.assert_array_equal(resized[[0, 0, -1, -1], [0, -1, 0, -1]], image[[0, 0, -1, -1], [0, -1, 0, -1]])


def test_a_network_of_one_size_gets_every_image_so():
    image = np.random.default_rng(0).integers(0, 256, (80, 50, 3), np.uint8)
    pre = Preprocess((0, 0, 0), (1, 1, 1), ref_size=[64, 32])
    assert pre.ref_size == (64, 32)
    np.testing.assert_array_equal(fit(image, pre), resize_align_corners(image, 64, 32))
    np.testing.assert_array_equal(fit(image, pre, (32, 32)), resize_align_corners(image, 32, 32))
