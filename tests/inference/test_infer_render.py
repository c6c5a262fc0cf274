"""Backgrounds and what is made of an image and its matte."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.imaging import blur_background, composite, cover, estimate_foreground, write_png
from src.imaging.video import write_video
from src.inference.backgrounds import open_background
from src.inference.render import preview, render
from tests.support.fake_predictor import disc

PURPLE = (200, 0, 100)


def portrait(size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """A red person with a soft edge before a blue wall, and its alpha."""
    alpha = cv2.GaussianBlur(disc(size / 2, size / 2, size / 4, size), (0, 0), 3)
    person, wall = np.full((size, size, 3), (220, 20, 10), np.uint8), np.full((size, size, 3), (10, 40, 230), np.uint8)
    return composite(person, alpha, wall), alpha


def test_outputs_of_a_image():
    image, alpha = portrait()
    plate = np.full_like(image, 255)
    made = render(image, alpha, ("alpha", "cutout", "composite"), plate)
    assert list(made) == ["alpha", "cutout", "composite"]
    np.testing.assert_array_equal(made["alpha"], np.round(alpha * 255).astype(np.uint8))
    np.testing.assert_array_equal(made["cutout"][..., 3], made["alpha"])
    assert all(array.dtype == np.uint8 and array.shape[:2] == (256, 256) for array in made.values())
    # No halo: where a quarter or more is the person, the colours are the person's, not the wall's.
    seen = alpha > 0.25
    assert np.abs(made["cutout"][seen][:, :3].astype(int) - (220, 20, 10)).max() <= 18
    ideal = alpha[..., None] * np.array((220, 20, 10)) + (1 - alpha[..., None]) * 255
    assert np.abs(made["composite"] - ideal).max() <= 7
    assert np.abs(composite(image, alpha, plate) - ideal).max() > 45  # with the image's own colours
    assert list(render(image, alpha, ("alpha",), None)) == ["alpha"]


def test_tiles_change_nothing_in_composites():
    rng = np.random.default_rng(0)
    foreground, background = rng.integers(0, 256, (2, 150, 170, 3), np.uint8)
    alpha = np.clip(cv2.GaussianBlur(disc(70, 80, 40, 170)[:150], (0, 0), 5), 0.0005, 0.9995)
    whole = cv2.convertScaleAbs(background + alpha[..., None] * (foreground.astype(np.float32) - background))
    np.testing.assert_array_equal(composite(foreground, alpha, background), whole)


def test_the_foreground_does_not_depend_on_where_its_tiles_lie():
    image, alpha = portrait()
    image = np.clip(image + np.random.default_rng(0).normal(0, 12, image.shape), 0, 255).astype(np.uint8)
    whole = estimate_foreground(image, alpha)
    # Shifted by whole cells of the coarse means, the tiles' borders fall elsewhere.
    cut = estimate_foreground(np.pad(image, ((20, 0), (12, 0), (0, 0)), "edge"), np.pad(alpha, ((20, 0), (12, 0))))
    seen = np.zeros(alpha.shape, bool)
    seen[60:-60, 60:-60] = (alpha > 0.05)[60:-60, 60:-60]
    assert np.abs(whole.astype(int) - cut[20:, 12:])[seen].max() <= 1


def test_cover_fills_the_frame_and_keeps_the_aspect():
    image = np.zeros((40, 80, 3), np.uint8)
    image[:, 40:] = 200
    square = cover(image, 60, 60)  # scaled to 60x120, columns 30 to 90 stay
    assert square.shape == (60, 60, 3)
    assert (square[:, :29] == 0).all() and (square[:, 31:] == 200).all()
    assert cover(image, 10, 80).shape == (10, 80, 3) and cover(image, 7, 3).shape == (7, 3, 3)


def test_blur_keeps_the_person_out_of_the_background():
    image, alpha = portrait()
    blurred = blur_background(image, alpha, estimate_foreground(image, alpha))
    assert blurred.shape == image.shape and blurred.dtype == np.uint8
    just_outside = (alpha < 0.01) & (cv2.dilate(alpha, np.ones((25, 25))) > 0.9)
    assert np.abs(blurred[just_outside].astype(int) - (10, 40, 230)).max() <= 5
    plain = cv2.GaussianBlur(image, (0, 0), 0.025 * 256)
    assert np.abs(plain[just_outside].astype(int) - (10, 40, 230)).max() > 30


def test_blur_smooths_the_wall():
    stripes = np.zeros((200, 200, 3), np.uint8)
    stripes[:, ::2] = 200
    blurred = blur_background(stripes, np.zeros((200, 200), np.float32), stripes)
    assert np.abs(blurred[20:-20, 20:-20].astype(int) - 100).max() <= 3
    assert blur_background(stripes, np.ones((200, 200), np.float32), stripes).shape == stripes.shape


@pytest.mark.parametrize(
    ("text", "color"),
    [("white", (255, 255, 255)), ("#00b140", (0, 177, 64)), ("1, 2,3", (1, 2, 3)), ("Grey", (128, 128, 128))],
)
def test_colours(text, color):
    plate = open_background(text, video=False).plate(3, 5)
    assert plate.shape == (3, 5, 3) and (plate == color).all()


@pytest.mark.parametrize("text", ["whit", "#00b14", "300,0,0", "1,2", "nowhere.png"])
def test_what_is_no_background_is_refused(text):
    with pytest.raises(ConfigError, match="neither a file nor a colour"):
        open_background(text, video=False)


def test_a_image_behind_everyone(tmp_path):
    write_png(tmp_path / "wall.png", np.full((20, 30, 3), PURPLE, np.uint8))
    background = open_background(str(tmp_path / "wall.png"), video=True)
    assert (background.plate(40, 16) == PURPLE).all() and background.plate(8, 9).shape == (8, 9, 3)
    assert open_background("blur", video=True).plate(4, 4) is None
    (tmp_path / "cut.png").write_bytes((tmp_path / "wall.png").read_bytes()[:-20])
    with pytest.raises(DataError, match="truncated"):
        open_background(str(tmp_path / "cut.png"), video=False)


def test_a_video_behind_a_video_starts_again_and_behind_images_it_stands(tmp_path):
    with write_video(tmp_path / "wall.mov", "png ", 10, (16, 16), color=False) as write:
        for value in (10, 90, 170):
            write(np.full((16, 16), value, np.uint8))
    path = str(tmp_path / "wall.mov")
    moving, still = open_background(path, video=True), open_background(path, video=False)
    assert [int(moving.plate(8, 8).mean()) for _ in range(5)] == [10, 90, 170, 10, 90]
    assert [int(still.plate(8, 8).mean()) for _ in range(3)] == [10, 10, 10]


def test_a_window_shows_the_most_telling_output():
    grey, color, cut = (np.zeros(shape, np.uint8) for shape in ((4, 5), (4, 5, 3), (4, 5, 4)))
    assert preview({"alpha": grey, "cutout": cut, "composite": color}) is color
    assert preview({"cutout": cut, "alpha": grey}) is grey
    assert preview({"cutout": cut}).shape == (4, 5, 3)
