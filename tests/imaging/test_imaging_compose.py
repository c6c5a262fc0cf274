"""Trimaps, compositing, foreground estimation and sheets."""

import numpy as np
import pytest

from src.common.errors import DataError
from src.imaging import composite, estimate_foreground, make_trimap, sheet


def step(height: int = 12, width: int = 40, edge: int = 20) -> np.ndarray:
    alpha = np.zeros((height, width), np.float32)
    alpha[:, edge:] = 1
    return alpha


@pytest.mark.parametrize(("inside", "outside"), [(0, 0), (1, 1), (2, 5), (7, 0)])
def test_margins_of_a_hard_edge(inside, outside):
    trimap = make_trimap(step(), inside, outside)
    expected = [0] * (20 - outside) + [0.5] * (outside + inside) + [1] * (20 - inside)
    assert trimap.tolist() == [expected] * 12 and trimap.dtype == np.float32


def test_soft_pixels_are_unknown_and_margins_begin_at_them():
    alpha = np.array([[0, 0, 0, 0.01, 0.03, 0.5, 0.97, 0.985, 1, 1, 1]], np.float32)
    assert make_trimap(alpha, 0, 0).tolist() == [[0, 0, 0, 0, 0.5, 0.5, 0.5, 1, 1, 1, 1]]
    assert make_trimap(alpha, 1, 2).tolist() == [[0, 0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 1, 1, 1]]
    loose = make_trimap(alpha, 0, 0, foreground_above=0.9, background_below=0.1)
    assert loose.tolist() == [[0, 0, 0, 0, 0, 0.5, 1, 1, 1, 1, 1]]


def test_margins_are_round():
    alpha = np.zeros((41, 41), np.float32)
    alpha[20, 20] = 1
    y, x = np.mgrid[:41, :41]
    distance = np.hypot(y - 20, x - 20)
    unknown = make_trimap(alpha, 0, 10) == 0.5
    assert unknown[(distance > 0) & (distance < 9.7)].all() and not unknown[distance > 10.3].any()


def test_trimap_without_an_edge():
    assert (make_trimap(np.ones((5, 6), np.float32), 9, 9) == 1).all()
    assert (make_trimap(np.zeros((5, 6), np.float32), 9, 9) == 0).all()


def test_composite_rounds_uint8_and_keeps_float():
    foreground = np.full((1, 3, 3), 200, np.uint8)
    background = np.full((1, 3, 3), 101, np.uint8)
    alpha = np.array([[0, 0.25, 1]], np.float32)
    assert composite(foreground, alpha, background)[0, :, 0].tolist() == [101, 126, 200]  # 125.75
    mixed = composite(foreground / np.float32(255), alpha, background / np.float32(255))
    np.testing.assert_allclose(mixed[0, :, 1] * 255, [101, 125.75, 200], rtol=1e-6)


def test_composite_on_one_colour():
    foreground = np.zeros((2, 2, 3), np.uint8)
    mixed = composite(foreground, np.full((2, 2), 0.5, np.float32), (10, 100, 255))
    assert mixed[0, 0].tolist() == [5, 50, 128]


def test_composite_refuses_what_does_not_fit():
    foreground, alpha = np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), np.float32)
    with pytest.raises(DataError, match="must be alike"):
        composite(foreground, alpha, np.zeros((4, 5, 3), np.uint8))
    with pytest.raises(DataError, match="must be alike"):
        composite(foreground, alpha, np.zeros((4, 4, 3), np.float32))


def test_foreground_of_a_red_person_before_blue():
    alpha = np.clip((np.arange(120, dtype=np.float32) - 56) / 8, 0, 1)[None].repeat(80, axis=0)
    red, blue = np.full((80, 120, 3), (220, 20, 10), np.uint8), np.full((80, 120, 3), (10, 40, 230), np.uint8)
    image = composite(red, alpha, blue)
    foreground = estimate_foreground(image, alpha)
    np.testing.assert_array_equal(foreground[alpha == 1], image[alpha == 1])
    # At half coverage the image itself is 105 steps of red and 110 of blue away from the person's colour.
    half = alpha == 0.5
    assert np.abs(image[half].astype(int) - red[half]).max(axis=1).min() == 110
    assert np.abs(foreground[half].astype(int) - red[half]).max() <= 10
    white = np.full_like(image, 255)
    ideal = composite(red, alpha, white).astype(int)
    plain = np.abs(composite(image, alpha, white) - ideal).mean()
    fixed = np.abs(composite(foreground, alpha, white) - ideal).mean()
    assert fixed < 0.1 * plain


def test_foreground_without_a_person_and_without_a_background():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(estimate_foreground(image, np.ones((40, 50), np.float32)), image)
    assert estimate_foreground(image, np.zeros((40, 50), np.float32)).shape == image.shape


def test_sheet_places_images_in_cells():
    wide = np.full((10, 20, 3), (250, 0, 0), np.uint8)
    alpha = np.full((20, 10), 0.4, np.float32)
    page = sheet([[wide, alpha], [wide, alpha]], ["input", "truth"], cell=40)
    assert page.shape == (28 + 2 * 44, 2 * 44 - 4, 3) and page.dtype == np.uint8
    for top in (28, 72):
        assert page[top + 20, 20].tolist() == [250, 0, 0] and page[top + 2, 20].tolist() == [255] * 3
        assert page[top + 20, 44 + 20].tolist() == [102] * 3 and page[top + 20, 44 + 2].tolist() == [255] * 3
    assert (page[:28] < 128).any()
    with pytest.raises(DataError, match="needs 2 images"):
        sheet([[wide]], ["input", "truth"])
