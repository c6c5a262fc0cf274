"""One-frame delay: the paper's rule, its delay, what it fixes and what it must leave alone."""

import cv2
import numpy as np
import pytest

from src.common.errors import ConfigError
from src.inference.smoothing import Frame, OfdThresholds, OneFrameDelay, fix, make_thumbnail
from tests.support.fake_predictor import disc
from tests.support.steadiness import dtssd, still_flicker

STILL = np.full((64, 64, 3), 90, np.uint8)


def flat(value: float, size: int = 16) -> np.ndarray:
    return np.full((size, size), value, np.float32)


def photographed(alpha: np.ndarray, noise: float = 6, seed: int = 0) -> np.ndarray:
    """An image uint8 [H, W, 3] of a brown person, alpha, before a wall with a grain, and the camera's noise."""
    wall = np.random.default_rng(1).integers(40, 90, (*alpha.shape, 3)).astype(np.float32)
    image = alpha[..., None] * np.array((170, 130, 100), np.float32) + (1 - alpha[..., None]) * wall
    return np.clip(image + np.random.default_rng(seed).normal(0, noise, image.shape), 0, 255).astype(np.uint8)


def smooth(alphas: list[np.ndarray], scenes: list[np.ndarray] | None = None) -> list[np.ndarray]:
    """The mattes after OFD; `scenes` are the true alphas of what the camera sees, None for one that stands still."""
    if scenes is None:
        thumbnails = [STILL] * len(alphas)
    else:
        thumbnails = [make_thumbnail(photographed(scene, seed=t)) for t, scene in enumerate(scenes)]
    ofd = OneFrameDelay()
    done = [ofd.push(*frame) for frame in zip(alphas, thumbnails, strict=True)] + [ofd.flush()]
    assert done[0] is None
    return done[1:]


def fixed(before: float, current: float, after: float, thresholds: OfdThresholds = OfdThresholds()) -> float:  # noqa: B008
    result = fix(*(Frame(flat(value), STILL) for value in (before, current, after)), thresholds)
    assert (result == result[0, 0]).all()
    return float(result[0, 0])


@pytest.mark.parametrize(
    ("before", "current", "after", "result"),
    [
        (0.20, 0.90, 0.28, 0.24),  # the neighbours agree, the frame jumps: their mean
        (0.28, 0.02, 0.20, 0.24),  # downwards too
        (0.20, 0.90, 0.32, 0.90),  # the neighbours differ by 0.12: motion
        (0.20, 0.29, 0.20, 0.29),  # a jump of 0.09 is none
        (0.20, 0.32, 0.28, 0.32),  # away from one neighbour only
        (0.00, 1.00, 1.00, 1.00),  # an edge that arrives
    ],
)
def test_the_rule_of_the_paper(before, current, after, result):
    assert fixed(before, current, after) == pytest.approx(result)


def test_thresholds_move_the_rule():
    frames = 0.20, 0.45, 0.35
    assert fixed(*frames, OfdThresholds(agree=0.1, differ=0.05)) == pytest.approx(0.45)
    assert fixed(*frames, OfdThresholds(agree=0.2, differ=0.05)) == pytest.approx(0.275)
    assert fixed(*frames, OfdThresholds(agree=0.2, differ=0.15)) == pytest.approx(0.45)


@pytest.mark.parametrize(("agree", "differ"), [(0, 0.1), (0.1, 1), (-0.1, 0.1), (0.1, 1.5), (float("nan"), 0.1)])
def test_thresholds_out_of_range_are_refused(agree, differ):
    with pytest.raises(ConfigError, match=r"--ofd_(agree|differ) is .* between 0 and 1"):
        OfdThresholds(agree, differ)


def test_frames_come_back_one_later_and_in_order():
    ofd = OneFrameDelay()
    assert ofd.push(flat(0.1), STILL) is None
    assert ofd.push(flat(0.5), STILL)[0, 0] == np.float32(0.1)
    assert ofd.push(flat(0.9), STILL)[0, 0] == np.float32(0.5)  # a steady change is motion
    assert ofd.flush()[0, 0] == np.float32(0.9)
    assert ofd.flush() is None and OneFrameDelay().flush() is None


def test_the_first_and_the_last_frame_stay():
    first, second, last = smooth([flat(1), flat(0), flat(1)])
    assert (first == 1).all() and (second == 1).all() and (last == 1).all()
    (only,) = smooth([flat(0.3)])
    assert (only == np.float32(0.3)).all()


def test_inputs_are_not_changed():
    frames = [flat(1), flat(0), flat(1)]
    smooth(frames)
    assert [float(f.mean()) for f in frames] == [1, 0, 1]


def test_a_pixel_that_jumps_every_second_frame_settles():
    frames = [flat(t % 2) for t in range(9)]
    assert all((frame == 0).all() for frame in smooth(frames))


def flickering(truth: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """Every third frame three squares are inverted somewhere."""
    rng, frames = np.random.default_rng(seed), []
    for t, alpha in enumerate(truth):
        alpha = alpha.copy()
        for _ in range(3 if t % 3 == 1 else 0):
            side = rng.integers(6, 20)
            y, x = rng.integers(0, alpha.shape[0] - side, 2)
            alpha[y : y + side, x : x + side] = 1 - alpha[y : y + side, x : x + side]
        frames.append(alpha)
    return frames


def test_planted_flicker_of_a_still_scene_goes():
    truth = [disc(120, 130, 60)] * 21
    frames = flickering(truth)
    result = smooth(frames, truth)
    assert still_flicker(frames) > 3 and still_flicker(result) < 0.01
    assert dtssd(result, truth) < 0.01  # and it went to the truth


@pytest.mark.parametrize("speed", [1, 3, 6])
def test_planted_flicker_beside_a_moving_body_falls_by_more_than_half(speed):
    truth = [disc(60 + speed * t, 130, 50) for t in range(21)]
    frames = flickering(truth)
    before, after = dtssd(frames, truth), dtssd(smooth(frames, truth), truth)
    assert before > 3 and after < 0.5 * before


MOTIONS = {
    "passing": [disc(30 + 10 * t, 128, 30) for t in range(16)],
    "small and leaving its place": [disc(20 + 24 * t, 128, 9) for t in range(9)],
    "waving": [disc(128 + 60 * np.sin(1.6 * t), 128, 20) for t in range(16)],
    "turning back": [disc(128 + (30 if t % 2 else 0), 128, 30) for t in range(10)],
}


@pytest.mark.parametrize("name", MOTIONS)
def test_fast_motion_gets_no_worse(name):
    truth = MOTIONS[name]
    assert dtssd(smooth(truth, truth), truth) == 0
    assert name == "passing" or dtssd(smooth(truth), truth) > 1  # the rule alone would erase it


def test_a_camera_that_sweeps_gets_no_worse():
    rng = np.random.default_rng(3)
    wide = cv2.GaussianBlur(rng.random((160, 400)).astype(np.float32), (0, 0), 6)
    wide = np.clip((wide - 0.5) * 20 + 0.5, 0, 1)
    truth = [np.ascontiguousarray(wide[:, x : x + 160]) for x in (0, 40, 90, 150, 90, 40, 0, 40)]
    assert dtssd(smooth(truth, truth), truth) < 0.05 and dtssd(smooth(truth), truth) > 1


def test_any_size():
    for shape in ((5, 7), (33, 90), (1, 2)):
        frames = [np.full(shape, value, np.float32) for value in (0, 1, 0)]
        assert smooth(frames)[1].shape == shape and not smooth(frames)[1].any()


@pytest.mark.parametrize(("size", "small"), [((1080, 1920), (67, 120)), ((64, 64), (64, 64)), ((20, 10), (20, 10))])
def test_thumbnails_keep_the_aspect(size, small):
    assert make_thumbnail(np.zeros((*size, 3), np.uint8)).shape == (*small, 3)


def test_thumbnails_are_means():
    image = np.zeros((128, 128, 3), np.uint8)
    image[::2] = 200
    assert (make_thumbnail(image) == 100).all()
