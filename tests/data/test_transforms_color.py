"""Colours, sharpness and backgrounds; geometry and alpha stay."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError
from src.data.transforms.background import painted_background
from src.imaging import write_png
from tests.support.transform_samples import apply, painted_sample

COLOR = [
    "ColorJitter",
    "RandomGray",
    "RandomLight",
    "RandomBlur",
    "RandomFaceBlur",
    "RandomNoise",
    "RandomJPEG",
    "BackgroundSwap",
]


def photo() -> dict:
    """A sample with smooth colours of all kinds, none near 0 or 255."""
    sample = painted_sample()
    coarse = np.random.default_rng(0).uniform(60, 190, (6, 8, 3)).astype(np.float32)
    sample["image"] = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC).clip(50, 200).astype(np.uint8)
    return sample


@pytest.mark.parametrize("kind", COLOR)
def test_only_what_should_change_does(kind):
    sample, untouched = photo(), photo()
    result = apply(sample, 1, kind, probability=1.0)
    assert result["image"].shape == (120, 160, 3) and result["image"].dtype == np.uint8
    assert (result["image"] != sample["image"]).any()
    np.testing.assert_array_equal(result["trimap"], untouched["trimap"])
    if kind != "RandomBlur":
        np.testing.assert_array_equal(result["alpha"], untouched["alpha"])
    np.testing.assert_array_equal(sample["image"], untouched["image"])
    np.testing.assert_array_equal(sample["alpha"], untouched["alpha"])


@pytest.mark.parametrize("kind", COLOR)
def test_the_stream_alone_decides(kind):
    first, again, other = (apply(photo(), seed, kind, probability=1.0)["image"] for seed in (5, 5, 6))
    np.testing.assert_array_equal(first, again)
    assert kind == "RandomGray" or (first != other).any()


@pytest.mark.parametrize("kind", COLOR)
def test_probability(kind):
    sample = photo()
    assert apply(sample, 0, kind, probability=0.0) is sample or apply(sample, 0, kind, probability=0.0) == sample
    happened = [apply(sample, seed, kind, probability=0.3)["image"] is not sample["image"] for seed in range(200)]
    assert 0.2 < np.mean(happened) < 0.4


def test_sepia_keeps_black_and_white_and_warms_the_rest():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    toned = apply({"image": ramp}, 0, "RandomGray", probability=1.0, sepia=1.0)["image"][0].astype(int)
    assert toned[0].tolist() == [0] * 3 and toned[255].tolist() == [255] * 3
    assert (toned[40:220, 0] > toned[40:220, 1]).all() and (toned[40:220, 1] > toned[40:220, 2]).all()


def test_mixed_light_is_warm_at_one_end_and_cold_at_the_other():
    sample = {"image": np.full((40, 60, 3), 100, np.uint8)}
    image = apply(sample, 1, "RandomLight", probability=1.0, gamma=1.0, falloff=0.0, mixed=0.8)["image"].astype(int)
    warmth = image[..., 0] - image[..., 2]
    assert warmth.max() > 20 and warmth.min() == pytest.approx(-warmth.max(), abs=2) and (image[..., 1] == 100).all()
    np.testing.assert_allclose(image[..., 0] + image[..., 2], 200, atol=1)


def test_low_resolution_takes_details_of_image_and_alpha_alike():
    stripes = np.tile(np.float32([0, 1]), (8, 8))
    sample = {"image": np.repeat((254 * stripes).astype(np.uint8)[..., None], 3, axis=2), "alpha": stripes}
    result = apply(sample, 0, "RandomLowResolution", probability=1.0, factor=2)
    assert (result["image"] == 127).all() and (result["alpha"] == 0.5).all() and result["alpha"].shape == (8, 16)
    with pytest.raises(ConfigError, match="factor"):
        apply(sample, 0, "RandomLowResolution", factor=0.5)


def test_jitter_of_nothing_is_the_identity():
    sample = painted_sample()
    result = apply(sample, 0, "ColorJitter", brightness=0, contrast=0, saturation=0, hue=0)
    np.testing.assert_array_equal(result["image"], sample["image"])


def factors(**parameters) -> np.ndarray:
    """Deviation of the jittered image about mid-grey, relative to the source's, over many draws."""
    source = photo()
    before = source["image"].astype(float)
    ratios = []
    for seed in range(150):
        after = apply(source, seed, "ColorJitter", **parameters)["image"].astype(float)
        ratios.append((after.mean() / before.mean(), after.std() / before.std()))
    return np.array(ratios)


def test_brightness_and_contrast_ranges():
    off = {"brightness": 0, "contrast": 0, "saturation": 0, "hue": 0}
    bright = factors(**{**off, "brightness": 0.2})[:, 0]
    assert 0.79 < bright.min() < 0.83 and 1.17 < bright.max() < 1.21
    contrast = factors(**{**off, "contrast": 0.25})[:, 1]
    assert 0.74 < contrast.min() < 0.79 and 1.21 < contrast.max() < 1.26


def test_contrast_acts_about_mid_grey():
    sample = {"image": np.full((4, 4, 3), (127, 128, 127), np.uint8)}
    for seed in range(10):
        result = apply(sample, seed, "ColorJitter", brightness=0, contrast=0.5, saturation=0, hue=0)["image"]
        assert np.abs(result.astype(int) - sample["image"]).max() <= 1


def test_saturation_and_hue_keep_the_luma():
    source = photo()
    luma = cv2.cvtColor(source["image"], cv2.COLOR_RGB2GRAY).astype(int)
    for seed in range(10):
        result = apply(source, seed, "ColorJitter", brightness=0, contrast=0, saturation=0.3, hue=0.1)["image"]
        assert np.abs(cv2.cvtColor(result, cv2.COLOR_RGB2GRAY).astype(int) - luma).max() <= 3
    grey = {"image": np.full((4, 4, 3), 120, np.uint8)}
    result = apply(grey, 0, "ColorJitter", brightness=0, contrast=0, saturation=1.0, hue=0.5)["image"]
    assert np.abs(result.astype(int) - 120).max() <= 1


def test_gray_is_the_luma_in_three_channels():
    sample = {"image": np.full((4, 4, 3), (200, 100, 50), np.uint8)}
    assert apply(sample, 0, "RandomGray", probability=1)["image"][1, 1].tolist() == [124] * 3  # 59.8 + 58.7 + 5.7


def test_blur_softens_image_and_alpha_alike():
    sample = painted_sample()
    result = apply(sample, 0, "RandomBlur", probability=1, sigma=2.0)
    assert np.abs(result["image"][..., 0] / 255 - result["alpha"]).max() < 0.01
    assert (np.abs(result["alpha"] - 0.5) < 0.4).sum() > 1.2 * (np.abs(sample["alpha"] - 0.5) < 0.4).sum()
    assert result["alpha"].min() >= 0 and result["alpha"].max() <= 1


@pytest.mark.parametrize("sigma", [3, 12])
def test_noise_has_the_deviation_asked_for(sigma):
    sample = {"image": np.full((200, 200, 3), 128, np.uint8)}
    noise = apply(sample, 0, "RandomNoise", probability=1, sigma=sigma)["image"].astype(float) - 128
    assert abs(noise.std() / sigma - 1) < 0.03 and abs(noise.mean()) < 0.03 * sigma
    # Pixels and channels are independent.
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03
    assert abs(np.corrcoef(noise[:, 1:, 0].ravel(), noise[:, :-1, 0].ravel())[0, 1]) < 0.03


def test_noise_saturates_and_does_not_wrap():
    sample = {"image": np.full((50, 50, 3), 254, np.uint8)}
    assert apply(sample, 0, "RandomNoise", probability=1, sigma=8)["image"].min() > 200


def test_jpeg_quality_decides_the_damage():
    grain = np.random.default_rng(0).integers(90, 166, (64, 64, 1), np.uint8).repeat(3, axis=2)
    error = [
        np.abs(apply({"image": grain}, 0, "RandomJPEG", probability=1, quality=q)["image"].astype(int) - grain).mean()
        for q in (98, 60, 10)
    ]
    assert error[0] < 2 < error[1] < error[2]
    flat = {"image": np.full((32, 32, 3), (200, 30, 90), np.uint8)}
    coded = apply(flat, 0, "RandomJPEG", probability=1, quality=95)["image"].astype(int)
    assert np.abs(coded - (200, 30, 90)).max() <= 4  # red and blue are not swapped


def test_background_is_replaced_and_the_person_stays(tmp_path):
    write_png(tmp_path / "green.png", np.full((50, 70, 3), (0, 255, 0), np.uint8))
    sample = photo()
    result = apply(sample, 0, "BackgroundSwap", probability=1, background_dir=str(tmp_path), blur=0)["image"]
    alpha = sample["alpha"]
    assert (result[alpha == 0] == (0, 255, 0)).all()
    np.testing.assert_array_equal(result[alpha == 1], sample["image"][alpha == 1])


def test_background_leaves_no_fringe_where_the_foreground_is_known(tmp_path):
    write_png(tmp_path / "blue.png", np.full((50, 70, 3), (0, 0, 250), np.uint8))
    sample = painted_sample()
    sample["image"][:] = (10, 200, 10)  # the image is all old background
    sample["foreground"] = np.full_like(sample["image"], (200, 0, 0))
    result = apply(sample, 0, "BackgroundSwap", probability=1, background_dir=str(tmp_path), blur=0)["image"]
    assert result[..., 1].max() == 0
    np.testing.assert_allclose(result[..., 0], 200 * sample["alpha"], atol=0.51)
    np.testing.assert_allclose(result[..., 2], 250 * (1 - sample["alpha"]), atol=0.51)


def test_background_folder_faults(tmp_path):
    with pytest.raises(ConfigError, match="gone' is not a folder"):
        apply(photo(), 0, "BackgroundSwap", background_dir=str(tmp_path / "gone"))
    (tmp_path / "readme.txt").write_text("no image")
    with pytest.raises(ConfigError, match="holds no image"):
        apply(photo(), 0, "BackgroundSwap", background_dir=str(tmp_path))


@pytest.mark.parametrize("shape", [(96, 64), (20, 300)])
def test_backgrounds_of_any_shape_cover_the_image(tmp_path, shape):
    y, x = np.mgrid[: shape[0], : shape[1]]
    write_png(tmp_path / "ramp.png", np.stack([x * 255 // shape[1], y * 255 // shape[0], 0 * x], 2).astype(np.uint8))
    sample = {"image": np.zeros((40, 60, 3), np.uint8), "alpha": np.zeros((40, 60), np.float32)}
    seen = [
        apply(sample, s, "BackgroundSwap", probability=1, background_dir=str(tmp_path), blur=0)["image"]
        for s in range(8)
    ]
    assert all(image.shape == (40, 60, 3) for image in seen)
    assert len({image.tobytes() for image in seen}) == 8
    assert any(image[0, -1, 0] < image[0, 0, 0] for image in seen) and any(
        image[0, -1, 0] > image[0, 0, 0] for image in seen
    )


def test_painted_backgrounds_have_the_spectrum_of_photographs():
    slopes = []
    for seed in range(8):
        image = painted_background(256, 256, np.random.default_rng(seed))
        assert image.shape == (256, 256, 3) and image.dtype == np.uint8 and image.std() > 4
        power = np.abs(np.fft.rfft2(image.mean(axis=2) - image.mean())) ** 2
        radius = np.hypot(np.fft.rfftfreq(256), np.fft.fftfreq(256)[:, None])
        rings = [power[(radius > low) & (radius <= 2 * low)].mean() for low in (0.02, 0.04, 0.08, 0.16)]
        slopes.append(np.polyfit(np.arange(4), 0.5 * np.log2(rings), 1)[0])
    assert min(slopes) > -1.9 and max(slopes) < -0.7


def test_a_blurred_face_is_smooth_and_lies_in_the_head():
    sample = painted_sample(240, 320)
    noise = np.random.default_rng(0).integers(0, 256, sample["image"].shape, np.uint8)
    result = apply(sample | {"image": noise}, 3, "RandomFaceBlur", probability=1.0)["image"]
    rows, columns = np.nonzero((result != noise).any(axis=2))
    # The painted person is 128 wide: a head of 54 rows from row 36 on, its middle in column 128.
    assert rows.min() >= 36 + (0.5 - 0.42 * 1.2) * 54 and rows.max() <= 36 + (0.65 + 0.42 * 1.2) * 54 + 1
    assert abs(columns.mean() - 128) < 0.1 * 54 + 1
    assert (sample["alpha"][rows, columns] > 0.9).all()
    assert result[rows, columns].std() < 0.4 * noise[rows, columns].std()


def test_a_face_is_blurred_with_its_own_colours():
    sample = painted_sample(240, 320)
    sample["image"] = np.where(sample["alpha"][..., None] > 0.9, np.uint8([200, 150, 100]), np.uint8([0, 255, 0]))
    result = apply(sample, 3, "RandomFaceBlur", probability=1.0, sigma=[0.5, 0.5])
    np.testing.assert_array_equal(result["image"], sample["image"])


def test_nobody_has_no_face():
    sample = photo() | {"alpha": np.zeros((120, 160), np.float32)}
    assert apply(sample, 0, "RandomFaceBlur", probability=1.0)["image"] is sample["image"]


def test_between_two_people_there_is_no_face():
    sample = photo() | {"alpha": np.zeros((120, 160), np.float32)}
    sample["alpha"][10:110, 5:15] = sample["alpha"][10:110, 145:155] = 1
    assert apply(sample, 0, "RandomFaceBlur", probability=1.0)["image"] is sample["image"]
