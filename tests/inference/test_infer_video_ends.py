"""How infer.py ends on videos and cameras that break off, on signals and on a full disk."""

import subprocess
import sys
from unittest import mock

import cv2
import numpy as np
import pytest

from src.imaging import video as video_files
from src.imaging.video import VideoReader, write_video
from src.inference import video_frames, video_run
from tests.support.programs import ROOT, run_program
from tests.support.videos import FRAMES, assert_in_order, clip, frame, frames_of, run


def test_a_video_that_breaks_half_way_keeps_what_was_done(tmp_path):
    with write_video(tmp_path / "whole.avi", "MJPG", 25, (64, 64), color=True) as write:
        for t in range(FRAMES):
            write(np.random.default_rng(t).integers(0, 256, (64, 64, 3), np.uint8))
    data = (tmp_path / "whole.avi").read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) * 6 // 10])
    outcome = run(tmp_path / "cut.avi", tmp_path / "out", "--ofd")
    assert outcome.status == 1 and "broke off after" in outcome.out and "Traceback" not in outcome.err
    kept = frames_of(tmp_path / "out/cut_alpha.mov")
    assert 3 <= len(kept) < FRAMES and f"broke off after {len(kept)} of {FRAMES} frames" in outcome.out


@pytest.mark.parametrize(("announced", "done", "cut"), [(100, 100, False), (100, 98, False), (100, 97, True),
                                                        (1, 1, False), (3, 2, False), (12, 6, True)])  # fmt: skip
def test_a_few_missing_frames_are_a_rough_count(tmp_path, announced, done, cut):
    reader = VideoReader(clip(tmp_path / "a.mov", 1))
    reader.frames = announced
    assert reader.cut_short(done) == cut


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


def test_a_camera_that_goes_away_keeps_what_was_done(tmp_path):
    real = cv2.VideoCapture
    clock = mock.Mock(side_effect=(n / 10 for n in range(1000)))  # 10 frames a second from a camera that says 20
    with (
        mock.patch.object(cv2, "VideoCapture", lambda s, *a: SlowCamera(5) if isinstance(s, int) else real(s, *a)),
        mock.patch.object(video_frames.time, "perf_counter", clock),
    ):
        outcome = run("0", tmp_path / "out")
    assert outcome.status == 1 and "gives no more frames" in outcome.out
    (made,) = (tmp_path / "out").iterdir()
    assert made.name.startswith("camera0_") and made.name.endswith("_alpha.mov")
    assert len(frames_of(made)) >= 9  # repeated, so that the video runs as fast as the scene did


def test_an_absent_camera_is_refused(tmp_path):
    text = run("77", tmp_path / "out").assert_refused()
    assert "no camera 77" in text and "--input" in text


# infer.py with a network that sends its process SIGINT before the fifth frame, {times} times. Shells start background
# jobs, and so perhaps these tests, with SIGINT ignored.
SIGNALLED_PROGRAM = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from src.common.cli import run_command
from tests.support.fake_predictor import RedPredictor, fake_model
from src.programs import infer
class Signalled(RedPredictor):
    def run(self, x):
        if len(self.shapes) == 4:
            for _ in range({times}):
                signal.raise_signal(signal.SIGINT)
        return super().run(x)
def main():
    status = infer.main()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    return status
with fake_model(Signalled()):
    run_command(main)
"""


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_keeps_what_was_done(tmp_path, times):
    """The first one lets the frames under way go on, the second one does not."""
    (tmp_path / "model.onnx").touch()
    program, source = SIGNALLED_PROGRAM.format(times=times), clip(tmp_path / "a.mov")
    options = "--model", tmp_path / "model.onnx", "--input", source, "--output", tmp_path / "out"
    outcome = run_program(sys.executable, "-c", program, *options)
    assert outcome.status == 130 and "Traceback" not in outcome.err, outcome.err
    assert "SIGINT received: closing the files" in outcome.out
    kept = frames_of(tmp_path / "out/a_alpha.mov")
    assert 1 <= len(kept) <= 8 and f"stopped by SIGINT after {len(kept)} frames, which are kept" in outcome.out
    assert_in_order(kept, len(kept))


WAITING_PROGRAM = """
import signal, time
from src.common.cli import run_command
from tests.support.fake_predictor import RedPredictor, fake_model
from src.programs import infer
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


def test_sigterm_from_outside_keeps_what_was_done(tmp_path):
    """The network waits in its fifth frame until the first signal is noted, whereupon a second one would end it."""
    source, out = clip(tmp_path / "a.mov"), tmp_path / "out"
    options = "--outputs", "alpha,rgba,composite", "--background", "black"
    (tmp_path / "model.onnx").touch()
    command = [sys.executable, "-c", WAITING_PROGRAM, "--model", tmp_path / "model.onnx", "--input", source, "--output",
               out, *options]  # fmt: skip
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


def test_a_disk_that_fills_up_keeps_what_was_done(tmp_path):
    free = iter([1 << 30] + [1 << 20] * 100)
    with (
        mock.patch.object(video_run, "_CHECK_FREE_EVERY", 5),
        mock.patch.object(video_files.shutil, "disk_usage", lambda folder: mock.Mock(free=next(free))),
    ):
        outcome = run(clip(tmp_path / "a.mov"), tmp_path / "out")
    assert "The disk of" in outcome.assert_refused()
    assert_in_order(frames_of(tmp_path / "out/a_alpha.mov"), 5)


def test_a_disk_that_is_full_from_the_first_frame_on_leaves_nothing(tmp_path):
    """Files without a frame cannot be played, and would be in the way of the next run."""
    source, out, options = clip(tmp_path / "a.mov"), tmp_path / "out", ("--outputs", "alpha,rgba")
    with mock.patch.object(video_files.shutil, "disk_usage", lambda folder: mock.Mock(free=1 << 20)):
        outcome = run(source, out, *options)
    assert "The disk of" in outcome.assert_refused() and "written" not in outcome.out
    assert not out.exists()
    assert run(source, out, *options).status == 0


def test_a_video_that_could_not_be_written_whole_is_no_result(tmp_path):
    """OpenCV is silent where writing fails; a size limit of files stands in for a full disk."""
    program = f"""
import resource, signal
import numpy as np
from src.common.cli import run_command
from src.imaging.video import write_video
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
