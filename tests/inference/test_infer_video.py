"""infer.py on videos, with a network that takes the red channel for the matte: frames, results, what is refused."""

import shutil
from unittest import mock

import cv2
import numpy as np
import pytest

from src.imaging import read_alpha, read_image
from src.imaging.video import VideoReader, write_frames, write_video
from tests.support.fake_predictor import RedPredictor, disc
from tests.support.programs import run_main
from tests.support.videos import FRAMES, assert_in_order, clip, frame, frames_of, run


def test_every_frame_in_order_at_the_same_rate(tmp_path):
    outcome = run(clip(tmp_path / "a.mov"), tmp_path / "out", "--background", "black")
    assert outcome.status == 0, outcome
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a_alpha.mov", "a_composite.mp4"]
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), FRAMES)  # exact from 0 to 255
    assert len(frames_of(tmp_path / "out/a_composite.mp4")) == FRAMES
    for name in ("a_alpha.mov", "a_composite.mp4"):
        assert VideoReader(tmp_path / "out" / name).rate == 25
    assert f"{FRAMES} frames in" in outcome.out


@pytest.mark.parametrize("options", [(), ("--batch_size", "5"), ("--ofd",), ("--ofd", "--batch_size", "3")])
def test_delay_and_batches_lose_no_frame(tmp_path, options):
    outcome = run(clip(tmp_path / "a.mov"), tmp_path / "out", "--outputs", "alpha,rgba", *options)
    assert outcome.status == 0
    cut = [cv2.imread(str(tmp_path / f"out/a_rgba/{t + 1:06d}.png"), cv2.IMREAD_UNCHANGED) for t in range(FRAMES)]
    for t, (image, alpha) in enumerate(zip(cut, frames_of(tmp_path / "out/a_alpha.mov"), strict=True)):
        np.testing.assert_array_equal(image[..., 3], alpha[..., 0])
        inside = frame(t)[..., 0] == 255
        if "--ofd" not in options:  # the bar leaves its place in every frame: not what OFD is for
            assert (alpha[..., 0][inside] == 255).all()
        assert (image[inside][:, :3] == 255).all()  # the colours are of the same frame


class FlickeringPredictor(RedPredictor):
    """Sees a square in every third frame that is not there."""

    def run(self, x: np.ndarray) -> np.ndarray:
        matte = super().run(x).copy()
        if len(self.shapes) % 3 == 2:
            matte[..., 5:25, 5:25] = 1
        return matte


def test_planted_flicker_goes_and_the_log_says_how_much(tmp_path):
    with write_video(tmp_path / "a.mov", "png ", 25, (64, 64), color=False) as write:
        for _ in range(10):
            write((disc(40, 40, 15, 64) * 255).round().astype(np.uint8))
    outcome = run(tmp_path / "a.mov", tmp_path / "out", "--ofd", predictor=FlickeringPredictor())
    line = next(line for line in outcome.out.splitlines() if ", with OFD " in line)
    before, after = (float(part.split()[0]) for part in line.split("flicker ")[1].split(", with OFD "))
    assert before > 5 and after < 0.01
    for image in frames_of(tmp_path / "out/a_alpha.mov"):
        assert not image[5:22, 5:22].any() and (image[40, 40] == 255).all()


@pytest.mark.parametrize("options", [(), ("--ofd",)])
def test_a_video_of_one_frame(tmp_path, options):
    outcome = run(clip(tmp_path / "a.mov", 1), tmp_path / "out", *options)
    assert outcome.status == 0
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), 1)


def test_odd_sides_get_one_more_pixel(tmp_path):
    folder = tmp_path / "frames"
    with write_frames(folder) as write:
        write(np.full((65, 33, 3), 200, np.uint8))
    reader = mock.Mock(rate=25.0, frames=1, live=False, source=tmp_path / "a.mov")
    reader.read.side_effect = [read_image(folder / "000001.png"), None]
    reader.cut_short.return_value = False
    (tmp_path / "a.mov").touch()
    with mock.patch("src.inference.video.VideoReader", lambda source: reader):
        outcome = run(tmp_path / "a.mov", tmp_path / "out")
    assert outcome.status == 0 and "34x66" in outcome.out
    (made,) = frames_of(tmp_path / "out/a_alpha.mov")
    assert made.shape == (66, 34, 3) and (made == 200).all()


def test_what_is_no_video_is_refused(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    assert "no video that OpenCV can open" in run(tmp_path / "a.mp4", tmp_path / "out").assert_refused()
    data = clip(tmp_path / "b.mov").read_bytes()
    (tmp_path / "c.mov").write_bytes(data[: len(data) // 2])  # the index stands at the end
    assert "index is missing" in run(tmp_path / "c.mov", tmp_path / "out").assert_refused()


def test_frames_too_narrow_for_the_network_leave_nothing(tmp_path):
    source = clip(tmp_path / "a.mov", 2, (2, 1200))
    assert "1200x2 pixels is too narrow" in run(source, tmp_path / "out").assert_refused()
    assert not (tmp_path / "out").exists()


def test_a_second_run_is_refused_skips_or_replaces(tmp_path):
    source, out = clip(tmp_path / "a.mov"), tmp_path / "out"
    assert run(source, out, "--outputs", "alpha,rgba").status == 0
    assert "already: a_alpha.mov, a_rgba" in run(source, out, "--outputs", "alpha,rgba").assert_refused()
    assert "left out" in run(source, out, "--outputs", "alpha,rgba", "--existing", "skip").out
    shorter = clip(tmp_path / "new" / "a.mov", 3) if (tmp_path / "new").mkdir() is None else None
    assert run(shorter, out, "--outputs", "alpha,rgba", "--existing", "replace").status == 0
    assert len(frames_of(out / "a_alpha.mov")) == 3 and len(list((out / "a_rgba").iterdir())) == 3


def test_results_never_go_over_the_video(tmp_path):
    source = clip(tmp_path / "a_alpha.mov")
    shutil.copy(source, tmp_path / "a.mov")
    assert "already" in run(tmp_path / "a.mov", tmp_path).assert_refused()
    assert len(frames_of(source)) == FRAMES


def test_a_clip_of_a_photograph_and_its_truth(tmp_path):
    from src.programs import make_clip

    image = np.zeros((200, 260, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, 260).round()
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    cv2.imwrite(str(tmp_path / "alpha.png"), image[..., 0])
    arguments = ("--image", tmp_path / "a.png", "--alpha", tmp_path / "alpha.png", "--frames", 6, "--size", 64)
    outcome = run_main(make_clip.main, *arguments, "--output", tmp_path / "clip.mp4")
    assert outcome.status == 0, outcome
    frames = frames_of(tmp_path / "clip.mp4")
    truths = [read_alpha(tmp_path / f"clip_truth/{t + 1:06d}.png") for t in range(6)]
    assert len(frames) == 6 and all(
        np.abs(f[..., 0] / 255 - a).mean() < 0.03 for f, a in zip(frames, truths, strict=True)
    )
    assert np.abs(truths[0] - truths[2]).mean() > 0.02  # it moves
    assert "there already" in run_main(make_clip.main, *arguments, "--output", tmp_path / "clip.mp4").assert_refused()
