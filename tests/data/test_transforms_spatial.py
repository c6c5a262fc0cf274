"""Whatever moves pixels moves image, alpha, trimap and foreground together."""

import numpy as np
import pytest

from src.common.errors import DataError
from tests.support.transform_samples import apply, misalignment, painted_sample, trimap_contradictions

SPATIAL = [
    ("Resize", {"target_size": [90, 70]}),
    ("Resize", {"target_size": [300, 90], "interp": "linear"}),
    ("ResizeByShort", {"ref_size": 64}),
    ("ResizeByShort", {"ref_size": 256}),
    ("ResizeByLong", {"ref_size": 96}),
    ("RandomScale", {"scale": [0.4, 2.5]}),
    ("RandomCrop", {"crop_size": [100, 80]}),
    ("RandomCrop", {"crop_size": [400, 300]}),
    ("RandomHorizontalFlip", {"probability": 1.0}),
    ("RandomScaleCrop", {"crop_size": [96, 64], "scale": [0.5, 3.0]}),
    ("RandomScaleCrop", {"crop_size": [64, 64], "scale": [0.3, 2.0], "rotation": 40}),
    ("RandomScaleCrop", {"crop_size": [96, 128], "person": 1.0, "rotation": 10}),
]


@pytest.mark.parametrize(("kind", "parameters"), SPATIAL)
@pytest.mark.parametrize("gt_field", [["alpha"], ["trimap"]])
def test_fields_stay_together(kind, parameters, gt_field):
    for seed in range(6):
        sample = painted_sample()
        sample["foreground"] = sample["image"].copy()
        result = apply(sample, seed, kind, gt_field=gt_field, **parameters)
        assert misalignment(result) < 0.01, seed
        assert trimap_contradictions(result, slack=1) == 0, seed
        np.testing.assert_array_equal(result["foreground"], result["image"])
        assert result["image"].shape[:2] == result["alpha"].shape == result["trimap"].shape
        assert result["image"].dtype == np.uint8 and result["alpha"].dtype == np.float32
        assert result["alpha"].min() >= 0 and result["alpha"].max() <= 1
        assert set(np.unique(result["trimap"])) <= {0, 0.5, 1} and result["trimap"].dtype == np.float32
        assert all(result[key].flags.c_contiguous for key in ("image", "alpha", "trimap"))


@pytest.mark.parametrize(("kind", "parameters"), SPATIAL)
def test_input_is_not_written_to_and_the_stream_decides(kind, parameters):
    sample, untouched = painted_sample(), painted_sample()
    first, again = (apply(sample, 3, kind, **parameters) for _ in range(2))
    for key in ("image", "alpha", "trimap"):
        np.testing.assert_array_equal(sample[key], untouched[key])
        np.testing.assert_array_equal(first[key], again[key])


@pytest.mark.parametrize(("kind", "parameters"), [s for s in SPATIAL if "Random" in s[0] and "Flip" not in s[0]])
def test_another_stream_gives_another_sample(kind, parameters):
    first, second = (apply(painted_sample(), seed, kind, **parameters)["image"] for seed in (0, 1))
    assert first.shape != second.shape or (first != second).any()


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("Resize", {"target_size": [160, 128]}),
        ("ResizeByShort", {"ref_size": 128}),
        ("RandomScale", {"scale": 1}),
        ("RandomCrop", {"crop_size": [160, 128]}),
        ("RandomHorizontalFlip", {"probability": 0}),
        ("RandomScaleCrop", {"crop_size": [160, 128], "scale": 1, "flip": 0}),
    ],
)
def test_identity(kind, parameters):
    sample = painted_sample(128, 160)
    result = apply(sample, 5, kind, **parameters)
    for key in ("image", "alpha", "trimap"):
        np.testing.assert_array_equal(result[key], sample[key])


@pytest.mark.parametrize("kind", ["Resize", "ResizeByShort"])
def test_an_empty_gt_field_resizes_the_image_alone(kind):
    sample = painted_sample()
    result = apply(sample, 0, kind, gt_field=[], **{"target_size": [64, 64]} if kind == "Resize" else {"ref_size": 64})
    assert result["image"].shape[0] == 64 and result["alpha"] is sample["alpha"]
    with pytest.raises(DataError, match="no longer of one size"):
        apply(result, 0, "RandomHorizontalFlip", probability=1.0)


def test_resize_by_short_rounds_to_32():
    result = apply(painted_sample(100, 230), 0, "ResizeByShort", ref_size=50)
    assert result["image"].shape == (64, 128, 3)  # 50 -> 64 (1.56 multiples), 115 -> 128 (3.6)


def test_resize_by_long_rounds_to_32():
    result = apply(painted_sample(100, 230), 0, "ResizeByLong", ref_size=100)
    assert result["image"].shape == (32, 96, 3)  # 43.5 -> 32 (1.36 multiples), 100 -> 96 (3.1)


def test_random_scale_covers_its_range_evenly_in_the_logarithm():
    sizes = [apply(painted_sample(), s, "RandomScale", scale=[0.5, 2.0])["image"].shape for s in range(300)]
    heights = np.array([size[0] for size in sizes])
    assert 60 <= heights.min() < 66 and 225 < heights.max() <= 240
    assert 0.4 < np.mean(heights < 120) < 0.6
    assert all(abs(width / height - 4 / 3) < 0.03 for height, width, _ in sizes)


def test_crop_takes_every_place_and_nothing_else():
    sample = painted_sample(10, 12)
    sample["image"][..., 1:] = np.moveaxis(np.mgrid[:10, :12], 0, 2)
    corners = set()
    for seed in range(300):
        image = apply(sample, seed, "RandomCrop", crop_size=[9, 8])["image"]
        top, left = (int(v) for v in image[0, 0, 1:])
        np.testing.assert_array_equal(image, sample["image"][top : top + 8, left : left + 9])
        corners.add((top, left))
    assert corners == {(top, left) for top in range(3) for left in range(4)}


def test_crop_of_a_small_image_mirrors():
    sample = painted_sample(50, 40)
    result = apply(sample, 1, "RandomCrop", crop_size=[64, 48])
    assert result["image"].shape == (48, 64, 3)
    columns = {tuple(column) for column in sample["image"][..., 1:].reshape(-1, 2).tolist()}
    assert {tuple(c) for c in result["image"][..., 1:].reshape(-1, 2).tolist()} <= columns


def test_crop_sizes_are_drawn_by_the_step_where_there_is_one():
    sizes = [[32, 32], [48, 48], [64, 64]]
    drawn = {apply(painted_sample(), s, "RandomCrop", crop_size=sizes)["image"].shape[0] for s in range(30)}
    assert drawn == {32, 48, 64}
    for batch_draw, side in ((0.0, 32), (0.34, 48), (0.99, 64)):
        for seed in range(5):
            sample = {**painted_sample(), "batch_draw": batch_draw}
            assert apply(sample, seed, "RandomCrop", crop_size=sizes)["image"].shape == (side, side, 3)


def test_flip_moves_the_trimap_and_happens_as_often_as_asked():
    sample = painted_sample()
    flipped = apply(sample, 0, "RandomHorizontalFlip", probability=1)
    for key in ("image", "alpha", "trimap"):
        np.testing.assert_array_equal(flipped[key], sample[key][:, ::-1])
    assert (flipped["trimap"] != sample["trimap"]).any()
    happened = [
        (apply(sample, s, "RandomHorizontalFlip", probability=0.25)["alpha"] != sample["alpha"]).any()
        for s in range(400)
    ]
    assert 0.18 < np.mean(happened) < 0.32


def test_trimap_before_a_flip_is_the_trimap_after_it():
    sample = painted_sample(trimap=False)
    before = apply(apply(sample, 7, "GenTrimap"), 0, "RandomHorizontalFlip", probability=1)
    after = apply(apply(sample, 0, "RandomHorizontalFlip", probability=1), 7, "GenTrimap")
    np.testing.assert_array_equal(before["trimap"], after["trimap"])


def slope_of(rows: np.ndarray) -> float:
    """Slope of a straight line through the mean row, without its outer tenths."""
    line = rows.astype(float).mean(axis=0)
    edge = len(line) // 10
    return float(np.polyfit(np.arange(len(line) - 2 * edge), line[edge : len(line) - edge], 1)[0])


@pytest.mark.parametrize(("scale", "step"), [(1.0, 1.5), (1.5, 1.0), (2.0, 0.75)])
def test_scale_crop_zooms_as_asked(scale, step):
    # The largest 80 x 80 window in 160 x 120 pixels is 120 x 120: 1.5 source pixels for each of the output.
    image = apply(painted_sample(), 4, "RandomScaleCrop", crop_size=80, scale=scale, flip=0)["image"]
    assert image.shape == (80, 80, 3)
    assert slope_of(image[..., 1]) * 160 / 255 == pytest.approx(step, rel=0.03)
    assert slope_of(image[..., 2].T) * 120 / 255 == pytest.approx(step, rel=0.03)


def test_scale_crop_averages_areas():
    sample = painted_sample(256, 256)
    sample["image"] = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    small = apply(sample, 0, "RandomScaleCrop", crop_size=32, scale=1, flip=0)["image"].astype(float)
    blocks = sample["image"].reshape(32, 8, 32, 8, 3).mean(axis=(1, 3))
    assert np.abs(small - blocks).max() <= 0.51


def test_scale_crop_turns():
    sample = painted_sample(200, 200, trimap=False)
    sample["image"][..., 1] = np.arange(200)[None]
    result = apply(sample, 2, "RandomScaleCrop", crop_size=100, scale=2, rotation=90, flip=0)["image"]
    inner = result[20:80, 20:80, 1]
    across, down = slope_of(inner), slope_of(inner.T)
    assert np.hypot(across, down) == pytest.approx(1, abs=0.03)  # one source pixel for each of the output
    assert abs(down) > 0.05


def standing(height: int = 400, width: int = 300) -> dict:
    """A tall narrow person: 320 pixels high, 80 broad, head at row 40, column 200."""
    alpha = np.zeros((height, width), np.float32)
    alpha[40:360, 160:240] = 1
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = 255 * alpha, np.linspace(0, 255, height)[:, None]
    return {"name": "standing", "image": image, "alpha": alpha}


def test_person_mode_reaches_from_head_and_shoulders_to_the_whole_body():
    heights = []
    for seed in range(200):
        result = apply(standing(), seed, "RandomScaleCrop", crop_size=[96, 128], person=1.0, enlarge=20)
        rows = result["image"][:, 48, 1].astype(float) / 255 * 399
        assert rows.min() <= 44, "the head's top must be in the window"
        assert result["alpha"].max() == 1
        heights.append(rows.max() - rows.min())
    # Head and shoulders: 1.1 times the breadth of 80; whole body: 1.2 times 320.
    assert 84 < min(heights) < 110 and 330 < max(heights) < 390
    assert np.mean(np.array(heights) < 184) == pytest.approx(0.5, abs=0.12)  # geometric middle of 88 and 384


def test_person_mode_does_not_enlarge_beyond_its_limit():
    for seed in range(30):
        result = apply(standing(), seed, "RandomScaleCrop", crop_size=[240, 320], person=1.0, enlarge=1.0)
        rows = result["image"][:, 120, 1].astype(float) / 255 * 399
        assert rows.max() - rows.min() > 300


def test_person_mode_without_a_person_is_an_ordinary_window():
    sample = standing()
    sample["alpha"][:] = 0
    result = apply(sample, 0, "RandomScaleCrop", crop_size=64, person=1.0)
    assert result["image"].shape == (64, 64, 3) and result["alpha"].max() == 0
