"""Scores against values worked out by hand."""

import math

import cv2
import numpy as np
import pytest
import scipy.ndimage

from src.common.errors import DataError
from src.metrics.matte import MatteScores, connectivity_error_map, mean_scores, score, score_regions, transition_band

# Gaussian of sigma 1.4 and its derivative at -4 ... 4, each of unit L2 norm.
GAUSS = [math.exp(-x * x / (2 * 1.4**2)) for x in range(-4, 5)]
SMOOTH = [g / math.sqrt(sum(v * v for v in GAUSS)) for g in GAUSS]
SLOPE = [x * g / math.sqrt(sum((y * v) ** 2 for y, v in zip(range(-4, 5), GAUSS, strict=True)))
         for x, g in zip(range(-4, 5), GAUSS, strict=True)]  # fmt: skip


def flat(value: float, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    return np.full(shape, value, np.float32)


def at(row: int, column: int, shape: tuple[int, int] = (20, 30)) -> np.ndarray:
    region = np.zeros(shape, bool)
    region[row, column] = True
    return region


def test_mean_and_sum_differences():
    truth = np.array([[0, 0.5], [1, 1]], np.float32)
    pred = np.array([[0.5, 0.5], [0.75, 0]], np.float32)
    result = score(pred, truth)
    assert result.mse == pytest.approx((0.25 + 0 + 0.0625 + 1) / 4)
    assert result.mad == pytest.approx(1.75 / 4)
    assert result.sad == pytest.approx(1.75e-3)
    assert result.miou == pytest.approx((0 / 2 + 2 / 4) / 2)  # person: 2 of 4; background: none of 2


def test_a_region_counts_only_its_pixels():
    truth, pred = flat(0.25), flat(0.25)
    pred[3, 4], pred[10, 10] = 0.75, 1
    result = score(pred, truth, at(3, 4) | at(5, 5))
    assert (result.mse, result.mad, result.sad) == pytest.approx((0.125, 0.25, 5e-4))
    whole, part = score_regions(pred, truth, [None, at(3, 4)])
    assert part.mad == 0.5 and whole.mad == pytest.approx((0.5 + 0.75) / 600)


def test_equal_mattes_score_nothing():
    alpha = np.random.default_rng(0).random((40, 50), np.float32)
    assert score(alpha, alpha) == MatteScores(0, 0, 0, 0, 0, 1, 1)


@pytest.mark.parametrize("axis", [0, 1])
def test_gradient_of_a_ramp(axis):
    ramp = (np.arange(30, dtype=np.float32) / 40)[None].repeat(30, axis=0)
    ramp = ramp if axis else ramp.T.copy()
    magnitude = sum(x * s for x, s in zip(range(-4, 5), SLOPE, strict=True)) * sum(SMOOTH) / 40
    # With endless kernels the gain is 2 sqrt(2 pi) sigma^2 = 9.83 a unit of slope; the cut at 4 pixels takes 1.5 %.
    assert magnitude == pytest.approx(2 * math.sqrt(2 * math.pi) * 1.4**2 / 40, rel=0.02)
    result = score(ramp, flat(0.3, (30, 30)), at(15, 15, (30, 30)))
    assert result.grad == pytest.approx(magnitude**2 / 1000, rel=1e-4)


@pytest.mark.parametrize("distance", [0, 1, 2, 3, 4])
def test_gradient_beside_a_step(distance):
    truth = flat(0)
    truth[:, 15:] = 1
    # At `distance` pixels to the right of the first column of ones, the taps from -distance on see ones.
    magnitude = sum(SLOPE[4 - distance :]) * sum(SMOOTH)
    result = score(flat(0), truth, at(10, 15 + distance))
    assert result.grad == pytest.approx(magnitude**2 / 1000, rel=1e-4, abs=1e-12)


def test_gradient_repeats_the_border_and_is_a_difference_of_magnitudes():
    falling = (1 - np.arange(30, dtype=np.float32) / 40)[None].repeat(20, axis=0)
    rising = falling[:, ::-1].copy()
    assert score(falling, rising, at(10, 15)).grad == pytest.approx(0, abs=1e-12)
    assert score(flat(0.2), flat(0.9)).grad == pytest.approx(0, abs=1e-12)


def body() -> np.ndarray:
    """A person of 10 x 10 pixels."""
    truth = flat(0)
    truth[5:15, 2:12] = 1
    return truth


def test_connectivity_of_an_island():
    truth, pred = body(), body()
    pred[8:11, 20:23] = 1
    # The island is outside of the main part at the first step, so its level is 0: phi is 0 there, in truth 1.
    assert score(pred, truth).conn == pytest.approx(9e-3)
    truth[8:11, 20:23] = 1
    assert score(pred, truth).conn == 0  # cut off in both alike


@pytest.mark.parametrize(("row", "column", "error"), [(15, 12, 0.12), (15, 11, 0.0)])
def test_connectivity_counts_four_neighbours_only(row, column, error):
    # Beside the body's lower edge the pixel belongs to it up to 0.5, its level, and an excess of 0.12 is forgiven.
    # At the corner it is cut off: level 0, and the whole difference counts.
    truth, pred = body(), body()
    truth[row, column], pred[row, column] = 0.5, 0.62
    assert score(pred, truth).conn == pytest.approx(error / 1000, abs=1e-9)


def test_connectivity_takes_the_largest_part_for_the_main_one():
    truth, pred = body(), body()
    truth[8:11, 20:23] = pred[8:11, 20:23] = 1
    pred[5:7, 2:12] = 0.9  # within the main part: level 0.9, an excess of 0.1 is forgiven
    pred[8, 20] = 0.9  # within the island, which is cut off: level 0, 0.1 counts
    assert score(pred, truth).conn == pytest.approx(0.1 / 1000, abs=1e-9)


@pytest.mark.parametrize(
    ("value", "error"), [(0.5, 0.5), (0.55, 0.5), (0.72, 0.3), (0.85, 0.2), (0.9, 0.0), (1.0, 0.0)]
)
def test_connectivity_of_a_fainter_part(value, error):
    # The level is the last tenth at or below `value`; truth exceeds it by 1 - level, which counts from 0.15 on.
    truth, pred = body(), body()
    pred[5:7, 2:12] = value
    assert score(pred, truth).conn == pytest.approx(20 * error / 1000, abs=1e-8)


@pytest.mark.parametrize(
    ("pred", "truth", "miou"), [(0.0, 0.0, 1.0), (1.0, 1.0, 1.0), (0.5, 1.0, 1.0), (0.49, 1.0, 0.0), (1.0, 0.0, 0.0)]
)
def test_mean_iou_of_flat_images(pred, truth, miou):
    assert score(flat(pred), flat(truth)).miou == miou


def test_mean_iou_of_a_shifted_person():
    truth, pred = body(), np.roll(body(), 5, axis=1)
    # Person: 50 shared of 150; background: 450 shared of 550.
    result = score(pred, truth)
    assert (result.miou, result.iou) == pytest.approx(((50 / 150 + 450 / 550) / 2, 50 / 150))


def test_transition_band_of_a_hard_edge():
    truth = flat(0, (100, 200))
    truth[:, 120:] = 1
    band = transition_band(truth)
    assert np.flatnonzero(band[50]).tolist() == [118, 119, 120, 121]  # 2 % of 100: 2 pixels on both sides
    assert (band == band[0]).all() and band.dtype == bool


def test_transition_band_holds_soft_pixels_and_scales():
    truth = flat(0, (300, 300))
    truth[:, 100:200], truth[:, 200:] = 0.5, 1
    assert np.flatnonzero(transition_band(truth)[9]).tolist() == list(range(94, 206))
    faint = flat(0.01, (300, 300))
    assert not transition_band(faint).any()


def test_an_empty_region_does_not_count_in_the_mean():
    empty = score(flat(0), flat(0), transition_band(flat(0)))
    assert all(math.isnan(v) for v in vars(empty).values())
    first, second = MatteScores(0.1, 0.2, 3, 4, 5, 0.6, 0.5), MatteScores(0.3, 0.4, 5, 8, 6, 1.0, 0.7)
    mean = mean_scores([first, empty, second])
    assert vars(mean) == pytest.approx(vars(MatteScores(0.2, 0.3, 4, 6, 5.5, 0.8, 0.6)))
    assert math.isnan(mean_scores([empty]).mse)
    with pytest.raises(DataError, match="no image was evaluated"):
        mean_scores([])


def test_inputs_that_cannot_be_scored():
    with pytest.raises(DataError, match="one size"):
        score(flat(0), flat(0, (20, 31)))
    with pytest.raises(DataError, match="one size"):
        score(flat(0), flat(0), np.ones((5, 5), bool))
    with pytest.raises(DataError, match=r"\[0, 1\], got values from 0.0 to 255.0"):
        score(flat(0), np.where(body() > 0, 255, 0))
    broken = flat(0.5)
    broken[4, 4] = math.nan
    with pytest.raises(DataError, match="matte must lie in"):
        score(broken, flat(0.5))
    with pytest.raises(DataError, match=r"must be \[H, W\]"):
        score(flat(0)[None], flat(0))


def by_definition(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Connectivity error map with every part of every threshold labelled."""
    level = np.ones(pred.shape)
    for step in range(10, 0, -1):
        labels, count = scipy.ndimage.label(np.minimum(pred, truth) >= np.float32(step / 10))
        sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
        level[labels != (1 + np.argmax(sizes) if count else -1)] = (step - 1) / 10
    excess = [np.where(alpha - level >= 0.15, alpha - level, 0) for alpha in (pred, truth)]
    return np.abs(excess[0] - excess[1])


@pytest.mark.parametrize("seed", range(8))
def test_connectivity_where_the_main_part_changes_between_thresholds(seed):
    rng = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(rng.standard_normal((60, 70)).astype(np.float32), (0, 0), 1 + seed % 4)
    truth = np.clip(0.5 + noise / noise.std() / 3, 0, 1)
    pred = np.clip(truth + rng.normal(0, 0.1, truth.shape), 0, 1).astype(np.float32)
    found = connectivity_error_map(pred, truth)
    np.testing.assert_allclose(found, by_definition(pred, truth), atol=1e-5)
    assert found.max() > 0.15


@pytest.mark.parametrize("seed", range(4))
def test_the_transition_band_is_what_two_discs_say(seed):
    """At the image's border too: the person is moved out of it on one side."""
    alpha = np.zeros((100, 90), np.float32)
    cv2.circle(alpha, [(45, 50), (5, 50), (88, 3), (45, 99)][seed], 20, 1.0, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 2)
    y, x = np.mgrid[-2:3, -2:3]  # 2 % of 90, rounded
    disc = x**2 + y**2 <= 2**2
    expected = scipy.ndimage.binary_dilation(alpha > 0.02, disc) & scipy.ndimage.binary_dilation(alpha <= 0.98, disc)
    np.testing.assert_array_equal(transition_band(alpha), expected)
    assert 0 < expected.sum() < expected.size
