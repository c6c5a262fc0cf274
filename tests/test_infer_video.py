"""infer.py on videos and cameras, with a network that takes the red channel for the matte."""

import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

import infer
from src.imaging import read_alpha, read_image
from src.inference import display, video_files, video_run
from src.inference.video_files import VideoReader, write_frames, write_video
from tests.fake_predictor import RedPredictor, disc, fake_model
from tests.programs import ROOT, Outcome, run_main

FRAMES = 12


@pytest.fixture
def model(tmp_path) -> Path:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"for the fake runtime")
    return path


def frame(t: int, size: tuple[int, int] = (64, 64)) -> np.ndarray:
    """Grey bars, the t-th of which is white: every frame says which it is."""
    image = np.zeros((*size, 3), np.uint8)
    image[:, 4 * t : 4 * t + 4] = 255
    return image


def clip(path: Path, frames: int = FRAMES, size: tuple[int, int] = (64, 64)) -> Path:
    """A lossless video (PNG frames) at 25 frames a second."""
    with write_video(path, "png ", 25, size, color=True) as write:
        for t in range(frames):
            write(frame(t, size))
    return path


def run(model: Path, source: Path | str, output: Path, *options: str, predictor: RedPredictor | None = None) -> Outcome:
    with fake_model(predictor):
        return run_main(infer.main, "--model", model, "--input", source, "--output", output, *options)


def frames_of(path: Path) -> list[np.ndarray]:
    reader, frames = VideoReader(path), []
    while (image := reader.read()) is not None:
        frames.append(image)
    reader.close()
    return frames


def assert_in_order(frames: list[np.ndarray], count: int, tolerance: int = 0) -> None:
    assert len(frames) == count
    for t, image in enumerate(frames):
        assert np.abs(image.astype(int) - frame(t)).max() <= tolerance, t


def test_every_frame_in_order_at_the_same_rate(tmp_path, model):
    outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out", "--background", "black")
    assert outcome.status == 0, outcome
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["a_alpha.mov", "a_composite.mp4"]
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), FRAMES)  # exact from 0 to 255
    assert len(frames_of(tmp_path / "out/a_composite.mp4")) == FRAMES
    for name in ("a_alpha.mov", "a_composite.mp4"):
        assert VideoReader(tmp_path / "out" / name).rate == 25
    assert f"{FRAMES} frames in" in outcome.out


@pytest.mark.parametrize("options", [(), ("--batch_size", "5"), ("--ofd",), ("--ofd", "--batch_size", "3")])
def test_delay_and_batches_lose_no_frame(tmp_path, model, options):
    outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out", "--outputs", "alpha,rgba", *options)
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


def test_planted_flicker_goes_and_the_log_says_how_much(tmp_path, model):
    with write_video(tmp_path / "a.mov", "png ", 25, (64, 64), color=False) as write:
        for _ in range(10):
            write((disc(40, 40, 15, 64) * 255).round().astype(np.uint8))
    outcome = run(model, tmp_path / "a.mov", tmp_path / "out", "--ofd", predictor=FlickeringPredictor())
    line = next(line for line in outcome.out.splitlines() if ", with OFD " in line)
    before, after = (float(part.split()[0]) for part in line.split("flicker ")[1].split(", with OFD "))
    assert before > 5 and after < 0.01
    for image in frames_of(tmp_path / "out/a_alpha.mov"):
        assert not image[5:22, 5:22].any() and (image[40, 40] == 255).all()


@pytest.mark.parametrize("options", [(), ("--ofd",)])
def test_a_video_of_one_frame(tmp_path, model, options):
    outcome = run(model, clip(tmp_path / "a.mov", 1), tmp_path / "out", *options)
    assert outcome.status == 0
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), 1)


def test_odd_sides_get_one_more_pixel(tmp_path, model):
    folder = tmp_path / "frames"
    with write_frames(folder) as write:
        write(np.full((65, 33, 3), 200, np.uint8))
    reader = mock.Mock(rate=25.0, frames=1, live=False, source=tmp_path / "a.mov")
    reader.read.side_effect = [read_image(folder / "000001.png"), None]
    reader.cut_short.return_value = False
    (tmp_path / "a.mov").touch()
    with mock.patch("src.inference.video.VideoReader", lambda source: reader):
        outcome = run(model, tmp_path / "a.mov", tmp_path / "out")
    assert outcome.status == 0 and "34x66" in outcome.out
    (made,) = frames_of(tmp_path / "out/a_alpha.mov")
    assert made.shape == (66, 34, 3) and (made == 200).all()


def test_a_video_that_breaks_half_way_keeps_what_was_done(tmp_path, model):
    with write_video(tmp_path / "whole.avi", "MJPG", 25, (64, 64), color=True) as write:
        for t in range(FRAMES):
            write(np.random.default_rng(t).integers(0, 256, (64, 64, 3), np.uint8))
    data = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) * 6 // 10])
    outcome = run(model, tmp_path / "cut.avi", tmp_path / "out", "--ofd")
    assert outcome.status == 1 and "broke off after" in outcome.out and "Traceback" not in outcome.err
    kept = frames_of(tmp_path / "out/cut_alpha.mov")
    assert 3 <= len(kept) < FRAMES and f"broke off after {len(kept)} of {FRAMES} frames" in outcome.out


@pytest.mark.parametrize(("announced", "done", "cut"), [(100, 100, False), (100, 98, False), (100, 97, True),
                                                        (1, 1, False), (3, 2, False), (12, 6, True)])  # fmt: skip
def test_a_few_missing_frames_are_a_rough_count(tmp_path, announced, done, cut):
    reader = VideoReader(clip(tmp_path / "a.mov", 1))
    reader.frames = announced
    assert reader.cut_short(done) == cut


def test_what_is_no_video_is_refused(tmp_path, model):
    (tmp_path / "a.mp4").write_bytes(b"no video at all" * 100)
    assert "no video that OpenCV can open" in run(model, tmp_path / "a.mp4", tmp_path / "out").assert_refused()
    data = clip(tmp_path / "b.mov").read_bytes()
    (tmp_path / "c.mov").write_bytes(data[: len(data) // 2])  # the index stands at the end
    assert "index is missing" in run(model, tmp_path / "c.mov", tmp_path / "out").assert_refused()


def test_a_second_run_is_refused_skips_or_replaces(tmp_path, model):
    source, out = clip(tmp_path / "a.mov"), tmp_path / "out"
    assert run(model, source, out, "--outputs", "alpha,rgba").status == 0
    assert "already: a_alpha.mov, a_rgba" in run(model, source, out, "--outputs", "alpha,rgba").assert_refused()
    assert "left out" in run(model, source, out, "--outputs", "alpha,rgba", "--existing", "skip").out
    shorter = clip(tmp_path / "new" / "a.mov", 3) if (tmp_path / "new").mkdir() is None else None
    assert run(model, shorter, out, "--outputs", "alpha,rgba", "--existing", "replace").status == 0
    assert len(frames_of(out / "a_alpha.mov")) == 3 and len(list((out / "a_rgba").iterdir())) == 3


def test_results_never_go_over_the_video(tmp_path, model):
    source = clip(tmp_path / "a_alpha.mov")
    shutil.copy(source, tmp_path / "a.mov")
    assert "already" in run(model, tmp_path / "a.mov", tmp_path).assert_refused()
    assert len(frames_of(source)) == FRAMES


class SlowCamera:
    """Stands in for cv2.VideoCapture: gives the test's frames, then nothing."""

    def __init__(self, frames: int) -> None:
        self.left = frames

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def get(self, prop: int) -> float:
        return {cv2.CAP_PROP_FPS: 20.0, cv2.CAP_PROP_FRAME_COUNT: -1.0}.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        return False

    def read(self) -> tuple[bool, np.ndarray | None]:
        self.left -= 1
        return (True, frame(3)) if self.left >= 0 else (False, None)

    def release(self) -> None:
        pass


def test_a_camera_that_goes_away_keeps_what_was_done(tmp_path, model):
    real = cv2.VideoCapture
    clock = mock.Mock(side_effect=(n / 10 for n in range(1000)))  # 10 frames a second from a camera that says 20
    with (
        mock.patch.object(cv2, "VideoCapture", lambda s, *a: SlowCamera(5) if isinstance(s, int) else real(s, *a)),
        mock.patch.object(video_run.time, "perf_counter", clock),
    ):
        outcome = run(model, "0", tmp_path / "out")
    assert outcome.status == 1 and "gives no more frames" in outcome.out
    (made,) = (tmp_path / "out").iterdir()
    assert made.name.startswith("camera0_") and made.name.endswith("_alpha.mov")
    assert len(frames_of(made)) >= 9  # repeated, so that the video runs as fast as the scene did


def test_an_absent_camera_is_refused(tmp_path, model):
    text = run(model, "77", tmp_path / "out").assert_refused()
    assert "no camera 77" in text and "--input" in text


class Signalled(RedPredictor):
    """Sends its process a signal before the network's fifth frame, as often as asked."""

    def __init__(self, number: int, times: int = 1) -> None:
        super().__init__()
        self.number, self.times = number, times

    def run(self, x: np.ndarray) -> np.ndarray:
        if len(self.shapes) == 4:
            for _ in range(self.times):
                signal.raise_signal(self.number)
        return super().run(x)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_what_was_done(tmp_path, model, times):
    """The first one lets the frames under way go on, the second one does not."""
    outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out", predictor=Signalled(signal.SIGINT, times))
    assert outcome.status == 130 and "SIGINT received: closing the files" in outcome.out
    kept = frames_of(tmp_path / "out/a_alpha.mov")
    assert 1 <= len(kept) <= 8 and f"stopped by SIGINT after {len(kept)} frames, which are kept" in outcome.out
    assert_in_order(kept, len(kept))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


WAITING_PROGRAM = """
import signal, time
from src.cli import run_command
from tests.fake_predictor import RedPredictor, fake_model
import infer
class Waiting(RedPredictor):
    def run(self, x):
        if len(self.shapes) == 4:
            print("ready", flush=True)
            while signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
                time.sleep(0.01)
        return super().run(x)
with fake_model(Waiting()):
    run_command(infer.main)
"""


def test_sigterm_from_outside_keeps_what_was_done(tmp_path, model):
    """The network waits in its fifth frame until the first signal is noted, whereupon a second one would end it."""
    source, out = clip(tmp_path / "a.mov"), tmp_path / "out"
    options = "--outputs", "alpha,rgba,composite", "--background", "black"
    command = [sys.executable, "-c", WAITING_PROGRAM, "--model", model, "--input", source, "--output", out, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "ready\n" in process.stdout
        process.terminate()
        said, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143 and err == "", err
    kept = frames_of(out / "a_alpha.mov")
    assert 1 <= len(kept) <= 8 and f"stopped by SIGTERM after {len(kept)} frames, which are kept" in said
    assert_in_order(kept, len(kept))
    assert sorted(p.name for p in out.iterdir()) == ["a_alpha.mov", "a_composite.mp4", "a_rgba"]
    assert len(frames_of(out / "a_composite.mp4")) == len(list((out / "a_rgba").iterdir())) == len(kept)


def test_a_disk_that_fills_up_keeps_what_was_done(tmp_path, model):
    free = iter([1 << 30] + [1 << 20] * 100)
    with (
        mock.patch.object(video_run, "_CHECK_FREE_EVERY", 5),
        mock.patch.object(video_files.shutil, "disk_usage", lambda folder: mock.Mock(free=next(free))),
    ):
        outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out")
    assert "The disk of" in outcome.assert_refused()
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), 5)


def test_a_video_that_could_not_be_written_whole_is_no_result(tmp_path):
    """OpenCV is silent where writing fails; a size limit of files stands in for a full disk."""
    program = f"""
import resource, signal
import numpy as np
from src.cli import run_command
from src.inference.video_files import write_video
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (30000, 30000))
def main():
    with write_video(Path({str(tmp_path / "a.mov")!r}), "png ", 25, (128, 128), color=True) as write:
        for t in range(20):
            write(np.random.default_rng(t).integers(0, 256, (128, 128, 3), np.uint8))
run_command(main)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "error: Cannot write all of" in done.stderr, done.stderr
    assert not list(tmp_path.iterdir())


def fake_ffmpeg(folder: Path, body: str) -> str:
    folder.mkdir()
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\nimport shutil, sys\n{body}\n", encoding="utf-8")
    (folder / "ffmpeg").chmod((folder / "ffmpeg").stat().st_mode | stat.S_IXUSR)
    return str(folder)


def test_sound_is_copied_where_ffmpeg_is(tmp_path, model, monkeypatch):
    """The fake appends to the video what it was asked for; a player passes over bytes at the end."""
    body = "a = sys.argv\nshutil.copy(a[a.index('-i') + 1], a[-1])\nopen(a[-1], 'a').write(' '.join(a))"
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", body))
    outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out", "--background", "white")
    assert outcome.status == 0 and "has the sound of" in outcome.out
    made = tmp_path / "out/a_composite.mp4"
    command = made.read_bytes()[-1000:].decode(errors="replace")
    assert (
        f"-i {tmp_path / 'a.mov'}" in command
        and "-c:v copy -c:a copy" in command
        and f"-t {FRAMES / 25:.6f}" in command
    )
    assert len(frames_of(made)) == FRAMES


def test_without_sound_the_video_stays_and_one_line_says_why(tmp_path, model, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    options = ("--outputs", "composite", "--background", "white")
    outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "none", *options)
    assert outcome.status == 0 and outcome.out.count("no sound") == 1 and "not installed" in outcome.out
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", "sys.exit('codec not supported')"))
    outcome = run(model, tmp_path / "a.mov", tmp_path / "broken", *options)
    assert outcome.status == 0 and "could not copy it (codec not supported)" in outcome.out
    for name in ("none", "broken"):
        assert [p.name for p in (tmp_path / name).iterdir()] == ["a_composite.mp4"]
        assert len(frames_of(tmp_path / name / "a_composite.mp4")) == FRAMES


def test_a_window_shows_the_frames_and_q_ends_the_video(tmp_path, model, monkeypatch):
    shown, keys = [], iter([-1, -1, ord("q")] + [-1] * 100)
    monkeypatch.setenv("DISPLAY", ":0")
    with (
        mock.patch.object(cv2, "getBuildInformation", lambda: "GUI:  QT5"),
        mock.patch.object(cv2, "namedWindow"),
        mock.patch.object(cv2, "imshow", lambda title, picture: shown.append(picture)),
        mock.patch.object(cv2, "waitKey", lambda milliseconds: next(keys)),
    ):
        outcome = run(model, clip(tmp_path / "a.mov"), tmp_path / "out", "--show")
    assert outcome.status == 0 and len(shown) == 3
    assert [int(picture.argmax() // 4) for picture in shown] == [0, 1, 2]
    assert 3 <= len(frames_of(tmp_path / "out/a_alpha.mov")) < FRAMES


def test_no_window_without_a_screen(monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with (
        mock.patch.object(cv2, "getBuildInformation", lambda: "  GUI:   NONE\n"),
        pytest.raises(Exception, match="headless"),
    ):
        display.check_display()
    with (
        mock.patch.object(cv2, "getBuildInformation", lambda: "  GUI:   QT5\n"),
        pytest.raises(Exception, match="screen"),
    ):
        display.check_display()


def test_a_clip_of_a_photograph_and_its_truth(tmp_path):
    from data import make_clip

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
