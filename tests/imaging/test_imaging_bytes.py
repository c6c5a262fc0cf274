"""Encoded images in memory: fast PNG alphas, decoding from bytes, and what LoadImages makes of them."""

import cv2
import numpy as np
import pytest

from src.common.errors import DataError
from src.data.transforms.basic import LoadImages
from src.imaging import decode_alpha, decode_image, encode_alpha, read_image, unit_alpha, write_alpha, write_png
from tests.support.transform_samples import painted_sample


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (40, 33)])
def test_encoded_alphas_are_pngs_with_every_value_kept(kind, shape):
    alpha = np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, shape).astype(kind)
    data = encode_alpha(alpha)
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert decoded.dtype == kind
    np.testing.assert_array_equal(decoded, alpha)
    np.testing.assert_array_equal(decode_alpha(data, "a"), alpha)
    with pytest.raises(DataError, match="'a' is truncated"):
        decode_alpha(data[:-5], "a")


def test_encoding_takes_views_of_other_layouts():
    alpha = np.arange(60, dtype=np.uint16).reshape(6, 10)[::-1, ::2]
    np.testing.assert_array_equal(decode_alpha(encode_alpha(alpha), "a"), alpha)


def test_unit_alpha_divides_by_the_largest_value_of_the_type():
    np.testing.assert_array_equal(unit_alpha(np.array([[0, 51, 255]], np.uint8)), np.float32([[0, 0.2, 1]]))
    np.testing.assert_array_equal(unit_alpha(np.array([[0, 13107, 65535]], np.uint16)), np.float32([[0, 0.2, 1]]))


@pytest.mark.parametrize(("short_side", "size"), [(None, (99, 131)), (60, (99, 131)), (49, (50, 66)), (24, (25, 33))])
def test_decoding_reduces_as_long_as_the_shorter_side_is_enough(short_side, size):
    jpeg = cv2.imencode(".jpg", painted_sample(99, 131)["image"])[1].tobytes()
    image, full_size = decode_image(jpeg, "a", short_side)
    assert image.shape == (*size, 3) and full_size == (99, 131)


def test_nothing_in_memory_is_an_error():
    for decode in (decode_image, decode_alpha):
        with pytest.raises(DataError, match=r"'a' is empty \(0 bytes\)"):
            decode(b"", "a")
    with pytest.raises(DataError, match=r"'a' is empty"):
        LoadImages()({"image_path": "a", "image_bytes": b""}, np.random.default_rng(0))


def test_a_sample_with_bytes_is_loaded_without_a_file(tmp_path):
    sample = painted_sample(40, 48)
    write_png(tmp_path / "a.png", sample["image"])
    write_alpha(tmp_path / "m.png", sample["alpha"])
    given = {"image_path": "x", "image_bytes": (tmp_path / "a.png").read_bytes(),
             "alpha_path": "y", "alpha_bytes": (tmp_path / "m.png").read_bytes()}  # fmt: skip
    loaded = LoadImages()(given, np.random.default_rng(0))
    np.testing.assert_array_equal(loaded["image"], read_image(tmp_path / "a.png"))
    np.testing.assert_allclose(loaded["alpha"], sample["alpha"], atol=0.51 / 255)
    assert not {"image_bytes", "alpha_bytes"} & set(loaded) and {"image_bytes", "alpha_bytes"} <= set(given)


@pytest.mark.parametrize("white", [255, 65535])
def test_a_reduced_alpha_is_the_mean_of_its_pixels_rounded_to_its_own_steps(white):
    alpha = np.rint(painted_sample(80, 96)["alpha"] * white).astype(np.uint8 if white == 255 else np.uint16)
    jpeg = cv2.imencode(".jpg", np.zeros((80, 96, 3), np.uint8))[1].tobytes()
    given = {"image_path": "x", "image_bytes": jpeg, "alpha_path": "y", "alpha_bytes": encode_alpha(alpha)}
    loaded = LoadImages(reduce_to=40)(given, np.random.default_rng(0))["alpha"]
    means = alpha.astype(float).reshape(40, 2, 48, 2).mean(axis=(1, 3)) / white
    assert loaded.shape == (40, 48) and loaded.dtype == np.float32
    assert 0 < np.abs(loaded - means).max() <= 0.51 / white
