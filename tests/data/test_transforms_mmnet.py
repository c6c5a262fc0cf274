"""MMNet's augmentation: geometry by hand, and image and alpha always together."""

import numpy as np
import pytest

from src.common.errors import ConfigError
from src.data.transforms import build_transforms
from src.data.transforms.mmnet import rotate_zoom
from src.imaging import resize_legacy

CHAIN = [
    {"type": "ResizeAlignCorners", "target_size": [64, 64]},
    {"type": "RandomStretch"},
    {"type": "RandomCrop", "crop_size": [64, 64]},
    {"type": "RandomHorizontalFlip"},
    {"type": "RandomRotateZoom"},
]


def sample(height: int, width: int) -> dict:
    """The alpha is the image's red channel, so that they must stay equal."""
    y, x = np.mgrid[:height, :width]
    red = ((x * 5 + y * 3) % 256).astype(np.uint8)
    image = np.stack([red, 255 - red, np.full_like(red, 7)], axis=2)
    return {"image": image, "alpha": red / np.float32(255), "name": "s"}


def apply(seed: int, given: dict, *specs: dict) -> dict:
    return build_transforms(specs)(given, np.random.default_rng(seed))


def test_resize_ignores_the_aspect():
    result = apply(0, sample(90, 40), {"type": "ResizeAlignCorners", "target_size": [32, 48]})
    assert result["image"].shape == (48, 32, 3) and result["alpha"].shape == (48, 32)
    np.testing.assert_allclose(result["alpha"], result["image"][..., 0] / 255, atol=0.51 / 255)
    alone = apply(0, sample(90, 40), {"type": "ResizeAlignCorners", "target_size": [32, 48], "gt_field": []})
    assert alone["image"].shape == (48, 32, 3) and alone["alpha"].shape == (90, 40)


@pytest.mark.slow
def test_stretch_draws_each_side_from_fifteen_factors():
    sizes = {apply(seed, sample(256, 256), {"type": "RandomStretch"})["image"].shape[:2] for seed in range(300)}
    grid = {int(256 * (1 + 0.15 * k / 14)) for k in range(15)}
    assert {height for height, _ in sizes} == {width for _, width in sizes} == grid
    assert {256, 294} <= grid and len(grid) == 15 and len(sizes) > 100  # not the same factor for both


def test_no_turn_changes_nothing():
    array = sample(64, 64)["image"]
    np.testing.assert_array_equal(rotate_zoom("image", array, 0.0), array)


def test_a_turn_zooms_into_what_is_left():
    """At 15 degrees the middle 64 / (cos + sin) = 52 of 64 pixels stay: no black corner is seen."""
    white = np.full((64, 64), 255, np.uint8)
    np.testing.assert_array_equal(rotate_zoom("image", white, 15.0), white)
    np.testing.assert_array_equal(rotate_zoom("image", white, -15.0), white)
    # Half a turn less: at 90 degrees all 64 are left, turned counter-clockwise.
    array = sample(64, 64)["image"]
    np.testing.assert_array_equal(rotate_zoom("image", array, 90.0), np.rot90(array))


def test_the_zoom_is_the_legacy_rule():
    array = np.zeros((64, 64), np.float32)
    array[:, 32:] = 1
    turned = rotate_zoom("alpha", array, 1e-9)  # nothing turns, but 1 / (cos + sin) rounds to all 64 pixels
    np.testing.assert_array_equal(turned, resize_legacy(array, 64, 64))


@pytest.mark.parametrize("seed", range(12))
def test_image_and_alpha_stay_together(seed):
    result = apply(seed, sample(100, 75), *CHAIN)
    assert result["image"].shape == (64, 64, 3) and result["alpha"].shape == (64, 64)
    assert result["image"].dtype == np.uint8 and result["alpha"].dtype == np.float32
    assert result["alpha"].min() >= 0 and result["alpha"].max() <= 1
    # The image is rounded after each of up to three resizes.
    np.testing.assert_allclose(result["alpha"], result["image"][..., 0] / 255, atol=1.6 / 255)


def test_a_trimap_keeps_its_values():
    given = sample(64, 64)
    given["trimap"] = np.float32(np.round(given["alpha"] * 2) / 2)
    for seed in range(6):
        assert set(np.unique(apply(seed, given, *CHAIN)["trimap"])) <= {0.0, 0.5, 1.0}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"type": "ResizeAlignCorners", "target_size": "256"}, "target_size"),
        ({"type": "RandomStretch", "steps": 0}, "steps"),
        ({"type": "RandomStretch", "scale": [1.2, 1.0]}, "smaller one first"),
        ({"type": "RandomRotateZoom", "degrees": 60}, "degrees"),
        ({"type": "RandomRotateZoom", "probability": 2}, "probability"),
    ],
)
def test_values_that_cannot_be(spec, message):
    with pytest.raises(ConfigError, match=message):
        build_transforms([spec])
