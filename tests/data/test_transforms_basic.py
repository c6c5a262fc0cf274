"""Registry, loading, trimap, normalisation and the order of the axes."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError, DataError
from src.data.transforms import build_transforms
from src.imaging import write_alpha, write_png
from tests.support.transform_samples import apply, painted_sample

ALL = ["LoadImages", "Resize", "ResizeByShort", "ResizeByLong", "RandomCrop", "RandomHorizontalFlip", "GenTrimap",
       "Normalize", "Transpose", "RandomScale", "RandomScaleCrop", "ColorJitter", "RandomGray", "RandomBlur",
       "RandomNoise", "RandomJPEG", "BackgroundSwap", "NewScene", "GroupScene", "RandomLight", "RandomLowResolution",
       "RandomFaceBlur"]  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_every_transform_builds_with_defaults_and_refuses_unknown_parameters(name):
    assert type(build_transforms([{"type": name}]).transforms[0]).__name__ == name
    with pytest.raises(ConfigError, match=f"`{name}` has no parameter `nonsense`"):
        build_transforms([{"type": name, "nonsense": 1}])


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"type": "RandomHorizontalFlop"},
            "Unknown transform `RandomHorizontalFlop`. Did you mean `RandomHorizontalFlip`",
        ),
        ({"type": "loadimages"}, "Did you mean `LoadImages`"),
        ({"type": "Zebra"}, "Known are: BackgroundSwap, ColorJitter"),
        ({"crop_size": 3}, "Transform 1 has no `type`"),
        ({"type": "RandomCrop", "cropsize": 3}, "no parameter `cropsize`. Did you mean `crop_size`"),
        ({"type": "RandomCrop", "crop_size": [0, 3]}, "`RandomCrop`: `crop_size` must be a whole number"),
        ({"type": "RandomCrop", "crop_size": [1, 2, 3]}, "width, height"),
        ({"type": "RandomHorizontalFlip", "probability": 2}, "a number from 0 to 1, got 2"),
        ({"type": "RandomHorizontalFlip", "probability": "0.5"}, "got '0.5'"),
        ({"type": "RandomScale", "scale": [2, 1]}, "write the smaller one first"),
        ({"type": "ResizeByShort", "interp": "cubic"}, "`interp` cannot be 'cubic'"),
        ({"type": "ResizeByShort", "gt_field": "alpha"}, "must be a list of fields"),
        ({"type": "LoadImages", "gt_field": ["alhpa"]}, "Did you mean `alpha`"),
        ({"type": "LoadImages", "trans_to_rgb": 1}, "must be True or False"),
        ({"type": "Normalize", "std": [0.5, 0.5, 0]}, "`std` must be a number from 0.001"),
        ({"type": "Normalize", "mean": 0.5}, "three numbers"),
        ({"type": "GenTrimap", "max_value": 7}, "must be 1 or 255"),
        ({"type": "BackgroundSwap", "files": ["a"]}, "no parameter `files`"),
    ],
)
def test_mistakes_are_named(spec, text):
    with pytest.raises(ConfigError) as caught:
        build_transforms([spec])
    assert text in str(caught.value)


def write_pair(folder, height=60, width=80, alpha_size=None):
    sample = painted_sample(height, width)
    cv2.imwrite(str(folder / "a.jpg"), sample["image"][..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98])
    write_png(folder / "a.png", sample["image"])
    write_alpha(folder / "alpha.png", cv2.resize(sample["alpha"], alpha_size or (width, height)))
    return {"name": "a", "image_path": str(folder / "a.png"), "alpha_path": str(folder / "alpha.png")}, sample


def test_load_images(tmp_path):
    paths, sample = write_pair(tmp_path)
    loaded = apply(paths, 0, "LoadImages")
    np.testing.assert_array_equal(loaded["image"], sample["image"])
    assert loaded["alpha"].dtype == np.float32
    np.testing.assert_allclose(loaded["alpha"], sample["alpha"], atol=0.5 / 255 + 1e-6)
    assert "alpha" not in apply(paths, 0, "LoadImages", gt_field=[])
    swapped = apply(paths, 0, "LoadImages", trans_to_rgb=False)
    np.testing.assert_array_equal(swapped["image"], sample["image"][..., ::-1])


def test_load_images_reduces_jpeg_with_its_alpha(tmp_path):
    paths, _ = write_pair(tmp_path)
    paths["image_path"] = str(tmp_path / "a.jpg")
    for reduce_to, height in ((60, 60), (31, 60), (30, 30), (16, 30), (15, 15)):
        loaded = apply(paths, 0, "LoadImages", reduce_to=reduce_to)
        assert loaded["image"].shape[:2] == loaded["alpha"].shape == (height, height * 4 // 3)
        assert loaded["alpha"].max() <= 1
        assert np.abs(loaded["image"][..., 0] / 255 - loaded["alpha"]).mean() < 0.02


def test_load_images_keeps_what_is_there(tmp_path):
    sample = painted_sample()
    assert apply(sample, 0, "LoadImages")["image"] is sample["image"]


@pytest.mark.parametrize("reduce_to", [None, 8])
def test_sizes_that_differ_are_an_error_with_both(tmp_path, reduce_to):
    paths, _ = write_pair(tmp_path, alpha_size=(70, 60))
    paths["image_path"] = str(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg' is 80x60 but its alpha '.*alpha\.png' is 70x60"):
        apply(paths, 0, "LoadImages", reduce_to=reduce_to)
    paths, _ = write_pair(tmp_path, alpha_size=(60, 80))
    with pytest.raises(DataError, match="sides are swapped"):
        apply(paths, 0, "LoadImages")


def test_load_images_hands_on_the_channel_permission(tmp_path):
    paths, sample = write_pair(tmp_path)
    grey = np.rint(255 * sample["alpha"]).astype(np.uint8)
    write_png(tmp_path / "alpha.png", np.dstack([grey] * 3))
    with pytest.raises(DataError, match="alpha_allow_rgb"):
        apply(paths, 0, "LoadImages")
    assert apply({**paths, "alpha_allow_rgb": True}, 0, "LoadImages")["alpha"].shape == (60, 80)


def step_sample(edge=50):
    alpha = np.zeros((20, 100), np.float32)
    alpha[:, edge:] = 1
    return {"alpha": alpha}


def test_trimap_margins_are_drawn_from_their_ranges():
    margins = set()
    for seed in range(60):
        trimap = apply(step_sample(), seed, "GenTrimap", foreground_px=[2, 5], background_px=[6, 9])["trimap"]
        assert set(np.unique(trimap)) == {0, 0.5, 1} and trimap.dtype == np.float32
        unknown = np.flatnonzero(trimap[0] == 0.5)
        margins.add((50 - unknown[0], unknown[-1] - 49))
    # A width between 2 and 5 covers 2, 3 or 4 whole pixels; likewise outside.
    assert {m[1] for m in margins} == {2, 3, 4} and {m[0] for m in margins} == {6, 7, 8}


def test_trimap_margins_scale_with_alpha_size():
    trimap = apply(step_sample(), 0, "GenTrimap", foreground_px=4, background_px=8, alpha_size=1024)["trimap"]
    assert np.flatnonzero(trimap[0] == 0.5).tolist() == list(range(50 - 16, 50 + 8))


def test_trimap_default_covers_the_zoos_kernels():
    widths = [int((apply(step_sample(), s, "GenTrimap")["trimap"][0] == 0.5).sum()) for s in range(50)]
    assert 14 <= min(widths) < 18 and 24 < max(widths) <= 30


def test_max_value_changes_no_values():
    trimap = apply(step_sample(), 3, "GenTrimap", max_value=255)["trimap"]
    np.testing.assert_array_equal(trimap, apply(step_sample(), 3, "GenTrimap")["trimap"])


def test_normalize_makes_the_image_float_and_leaves_the_alpha():
    sample = painted_sample()
    result = apply(sample, 0, "Normalize", mean=[0.2, 0.5, 0.5], std=[0.4, 0.5, 0.5])
    assert result["image"].dtype == np.float32 and result["alpha"] is sample["alpha"]
    np.testing.assert_allclose(result["image"][..., 0], (sample["image"][..., 0] / 255 - 0.2) / 0.4, atol=1e-6)
    default = apply(sample, 0, "Normalize")["image"]
    assert default.min() == -1 and default.max() == 1


def test_transpose():
    sample = painted_sample(20, 30)
    result = apply(sample, 0, "Transpose")
    assert result["image"].shape == (3, 20, 30) and result["alpha"].shape == result["trimap"].shape == (1, 20, 30)
    np.testing.assert_array_equal(result["image"][1], sample["image"][..., 1])
    assert all(result[key].flags.c_contiguous for key in ("image", "alpha", "trimap"))
    assert apply(sample, 0, "Transpose", unsqueeze_list=["alpha"])["trimap"].shape == (20, 30)


def test_the_zoos_lists(tmp_path):
    paths, sample = write_pair(tmp_path, 90, 120)
    train = build_transforms([{"type": "LoadImages", "gt_field": ["alpha"]}, {"type": "ResizeByShort", "ref_size": 64},
                              {"type": "RandomCrop", "crop_size": [64, 64]}, {"type": "GenTrimap"},
                              {"type": "RandomHorizontalFlip"}, {"type": "Normalize"},
                              {"type": "Transpose"}])  # fmt: skip
    result = train(paths, np.random.default_rng(0))
    assert result["image"].shape == (3, 64, 64) and result["trimap"].shape == result["alpha"].shape == (1, 64, 64)
    assert all(result[key].dtype == np.float32 for key in ("image", "alpha", "trimap"))
    validation = build_transforms([{"type": "LoadImages"}, {"type": "ResizeByShort", "ref_size": 64, "gt_field": []},
                                   {"type": "Normalize"}, {"type": "Transpose"}])  # fmt: skip
    result = validation(paths, np.random.default_rng(0))
    assert result["image"].shape == (3, 64, 96) and result["alpha"].shape == (1, 90, 120)
    np.testing.assert_allclose(result["alpha"][0], sample["alpha"], atol=0.5 / 255 + 1e-6)
