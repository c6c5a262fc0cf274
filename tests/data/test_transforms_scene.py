"""The person in a new image: alpha goes with it, its border is respected, the background is another."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError
from src.data.transforms.distractors import add_distractors
from src.imaging import write_png
from tests.support.transform_samples import apply, painted_sample

WHITE = {"probability": 1.0, "empty": 0.0, "distractors": 0, "blur": 0.0}


def standing_person() -> dict:
    """White on black, rows 20 to 99 and columns 60 to 79 of 120 x 160."""
    alpha = np.zeros((120, 160), np.float32)
    alpha[20:100, 60:80] = 1
    image = np.where(alpha[..., None] > 0, np.uint8([250, 250, 250]), np.uint8([0, 0, 0]))
    return {"name": "standing", "image": image, "alpha": alpha, "foreground": np.full_like(image, 250)}


@pytest.fixture
def black(tmp_path):
    write_png(tmp_path / "black.png", np.zeros((80, 90, 3), np.uint8))
    return str(tmp_path)


def scene(seed: int, black: str, **parameters) -> dict:
    return apply(standing_person(), seed, "NewScene", background_dir=black, **(WHITE | parameters))


def test_sizes_are_drawn_from_the_ranges(black):
    shapes = [scene(seed, black, side=[100, 140], aspect=[0.5, 2.0])["image"].shape for seed in range(40)]
    shorter, aspects = [min(s[:2]) for s in shapes], [s[1] / s[0] for s in shapes]
    assert 100 <= min(shorter) < 110 and 130 < max(shorter) <= 140
    assert 0.49 < min(aspects) < 0.7 and 1.4 < max(aspects) < 2.01


def test_the_person_has_the_wanted_height_and_keeps_its_shape(black):
    for seed in range(10):
        alpha = scene(seed, black, side=200, aspect=1.0, height=0.5)["alpha"]
        rows, columns = (np.flatnonzero(alpha.max(axis=axis) > 0.5) for axis in (1, 0))
        assert len(rows) == 100
        assert len(columns) == 25 or columns[0] == 0 or columns[-1] == 199


def test_people_stand_everywhere_from_left_to_right(black):
    alphas = [scene(seed, black, side=200, aspect=1.0, height=0.5)["alpha"] for seed in range(60)]
    middles = np.array([np.average(np.arange(200), weights=alpha.sum(axis=0)) for alpha in alphas])
    assert middles.min() < 20 and middles.max() > 180 and abs(middles.mean() - 100) < 25


def test_the_image_shows_what_alpha_says(black):
    for seed in range(10):
        result = scene(seed, black, side=200, aspect=1.0)
        painted = result["image"].max(axis=2) > 100
        # One in five backgrounds is painted although there is a folder.
        if result["image"][result["alpha"] == 0].max(initial=0) == 0:
            assert (painted != (result["alpha"] > 0.5)).mean() < 0.01


def test_a_person_cut_below_stays_cut_below(black):
    sample = standing_person()
    sample["alpha"][100:, 60:80] = 1
    for seed in range(20):
        result = apply(sample, seed, "NewScene", background_dir=black, **(WHITE | {"height": [0.3, 2.0]}))
        assert result["alpha"][-1].max() > 0.5


def test_a_person_cut_by_a_side_stays_where_it_is(black):
    sample = standing_person()
    sample["alpha"][50:60, :70] = 1
    assert apply(sample, 0, "NewScene", background_dir=black, **WHITE)["image"] is sample["image"]


def test_a_person_broader_than_the_image_covers_it(black):
    sample = standing_person()
    sample["alpha"][20:100, 5:155] = 1
    for seed in range(10):
        result = apply(
            sample, seed, "NewScene", background_dir=black, **(WHITE | {"side": 64, "aspect": 0.5, "height": 2.0})
        )
        assert result["alpha"].max(axis=0).mean() > 0.7


@pytest.mark.slow
def test_empty_scenes(black):
    alphas = [scene(seed, black, empty=0.3)["alpha"] for seed in range(200)]
    assert 0.2 < np.mean([alpha.max() == 0 for alpha in alphas]) < 0.4


def test_without_a_folder_backgrounds_are_painted():
    result = apply(painted_sample(trimap=False), 3, "NewScene", **(WHITE | {"side": 128}))
    assert result["image"][result["alpha"] == 0].std() > 1


def test_the_stream_alone_decides(black):
    first, again, other = (scene(seed, black, distractors=4)["image"] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_distractors_cover_a_part_and_leave_the_source():
    grey = np.full((120, 160, 3), 128, np.uint8)
    covered = [np.mean((add_distractors(grey, 3, np.random.default_rng(s)) != grey).any(axis=2)) for s in range(60)]
    assert (grey == 128).all()
    assert 0.1 < np.mean(covered) < 0.7 and np.mean(np.array(covered) > 0.02) > 0.9
    np.testing.assert_array_equal(add_distractors(grey, 0, np.random.default_rng(0)), grey)


@pytest.mark.parametrize(
    "wrong", [{"side": [640, 448]}, {"height": 0}, {"aspect": "wide"}, {"distractors": -1}, {"background_dir": "none"}]
)
def test_wrong_parameters(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        apply(standing_person(), 0, "NewScene", **wrong)


def test_light_falls_off_evenly_and_gamma_bends_values():
    sample = {"image": np.full((100, 200, 3), 128, np.uint8), "alpha": np.ones((100, 200), np.float32)}
    darker = apply(sample, 0, "RandomLight", probability=1.0, gamma=2.0, falloff=0.0)["image"]
    np.testing.assert_array_equal(darker, np.full_like(darker, round(255 * (128 / 255) ** 2)))
    image = apply(sample, 4, "RandomLight", probability=1.0, gamma=1.0, falloff=1.0)["image"].astype(float)
    assert image.max() <= 128
    # A plane: the mean of opposite corners is the middle.
    corners = image[0, 0] + image[-1, -1], image[0, -1] + image[-1, 0]
    np.testing.assert_allclose(corners[0], corners[1], atol=2)
    np.testing.assert_allclose(corners[0] / 2, cv2.resize(image, (1, 1), interpolation=cv2.INTER_AREA)[0, 0], atol=2)
