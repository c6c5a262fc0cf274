"""The one pre- and post-processing, against numbers worked out by hand."""

import numpy as np
import pytest

from src.common.errors import DataError
from src.imaging import crop_reflect, network_size, normalize, resize, short_side_size, to_input, to_matte
from src.spec.preprocess import Preprocess


@pytest.mark.parametrize(
    ("size", "network"),
    [
        ((1080, 1620), (512, 768)),  # both above 512: shorter side to 512
        ((1620, 1080), (768, 512)),
        ((400, 300), (672, 512)),  # both below: 400 * 512 / 300 = 682.7, nearest multiple of 32 is 672
        ((600, 400), (608, 416)),  # 512 lies between: kept; 600 / 32 = 18.75 -> 19, 400 / 32 = 12.5 -> 13
        ((1000, 20), (992, 32)),  # at least one multiple
        ((512, 512), (512, 512)),
        ((512, 700), (512, 704)),
    ],
)
def test_network_size(size, network):
    assert network_size(*size, Preprocess()) == network
    assert network_size(*size[::-1], Preprocess()) == network[::-1]


@pytest.mark.parametrize(("size", "text"), [((1, 400), "400x1 .* 204800x512"), ((600, 9700), "9700x600 .* 8288x512"),
                                               ((9000, 100), "100x9000 .* 96x8992")])  # fmt: skip
def test_an_image_too_narrow_for_any_input(size, text):
    with pytest.raises(DataError, match=f"{text} .*may be 16 times 512"):
        network_size(*size, Preprocess())
    assert network_size(*size, Preprocess(ref_size=(64, 96))) == (64, 96)
    assert network_size(600, 9600, Preprocess()) == (512, 8192)


def test_network_size_with_other_numbers():
    assert network_size(1000, 800, Preprocess(ref_size=256, multiple=16)) == (320, 256)
    assert network_size(1000, 800, Preprocess(ref_size=100, multiple=32)) == (128, 96)


@pytest.mark.parametrize(
    ("size", "network"),
    [
        ((1080, 1620), (352, 512)),  # 1080 * 512 / 1620 = 341.3, 10.7 multiples of 32
        ((400, 300), (512, 384)),
        ((512, 512), (512, 512)),
        ((20, 1000), (32, 512)),  # at least one multiple
    ],
)
def test_the_longer_side_is_scaled_always(size, network):
    longer = Preprocess(ref_side="longer")
    assert network_size(*size, longer) == network and network_size(*size[::-1], longer) == network[::-1]


def test_short_side_size_scales_always():
    assert short_side_size(600, 400, 512) == (768, 512)
    assert short_side_size(512, 5120, 256) == (256, 2560)


def test_shrinking_averages_areas():
    array = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_allclose(resize(array, 2, 2), [[2.5, 4.5], [10.5, 12.5]])
    np.testing.assert_allclose(resize(array, 4, 1)[:, 0], [1.5, 5.5, 9.5, 13.5])


def test_enlarging_is_bilinear_between_pixel_centres():
    np.testing.assert_allclose(resize(np.array([[0, 1]], np.float32), 1, 4), [[0, 0.25, 0.75, 1]])


def test_one_side_shrinks_and_the_other_grows():
    array = np.array([[0.0], [2.0], [4.0], [6.0]], np.float32) @ np.ones((1, 2), np.float32)
    np.testing.assert_allclose(resize(array, 2, 4), [[1] * 4, [5] * 4])


def test_resize_to_its_own_size_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (5, 6, 3), np.uint8)
    np.testing.assert_array_equal(resize(image, 5, 6), image)


def test_crop_beyond_the_border_mirrors_without_repeating_the_edge():
    row = np.arange(5, dtype=np.float32)[None].repeat(3, axis=0)
    assert crop_reflect(row, 0, -2, 3, 9)[1].tolist() == [2, 1, 0, 1, 2, 3, 4, 3, 2]
    assert crop_reflect(row.T, -1, 0, 3, 2)[:, 0].tolist() == [1, 0, 1]
    assert crop_reflect(row, 1, 1, 2, 3).tolist() == [[1, 2, 3]] * 2


def test_normalize_uses_mean_and_std_of_each_channel():
    image = np.array([[[0, 51, 255]]], np.uint8)
    values = normalize(image, (0.5, 0.1, 0.25), (0.5, 0.1, 0.25))
    np.testing.assert_allclose(values, [[[-1, 1, 3]]], atol=1e-6)
    assert values.dtype == np.float32
    with pytest.raises(DataError, match=r"uint8 RGB image.*float32"):
        normalize(values, (0.5,) * 3, (0.5,) * 3)


def test_to_input_layout_and_values():
    image = np.zeros((64, 96, 3), np.uint8)
    image[..., 0], image[..., 1] = 255, 51
    pre = Preprocess(ref_size=32)
    tensor = to_input(image, pre)
    assert tensor.shape == (1, 3, 32, 64) and tensor.dtype == np.float32 and tensor.flags.c_contiguous
    np.testing.assert_allclose(tensor[0, :, 5, 7], [1, -0.6, -1], atol=1e-6)
    assert to_input(image, pre, size=(128, 160)).shape == (1, 3, 128, 160)
    bgr = to_input(image, Preprocess(ref_size=32, color="BGR"))
    np.testing.assert_allclose(bgr[0, :, 5, 7], [-1, -0.6, 1], atol=1e-6)


def test_to_matte_restores_the_size_and_clips():
    output = np.array([[[[-0.5, 0.25], [0.75, 1.5]]]], np.float32)
    np.testing.assert_allclose(to_matte(output, 2, 2), [[0, 0.25], [0.75, 1]])
    np.testing.assert_allclose(to_matte(output, 4, 4), to_matte(output[0, 0], 4, 4))
    assert to_matte(output, 7, 3).shape == (7, 3)
    np.testing.assert_allclose(to_matte(output, 1, 1), [[0.5]])
