"""What goes with a matted video: its sound, copied where ffmpeg is installed, and a window."""

import stat
import sys
from pathlib import Path
from unittest import mock

import cv2
import pytest

from src.inference import display
from tests.support.videos import FRAMES, clip, frames_of, run


def fake_ffmpeg(folder: Path, body: str) -> str:
    folder.mkdir()
    (folder / "ffmpeg").write_text(f"#!{sys.executable}\nimport shutil, sys\n{body}\n", encoding="utf-8")
    (folder / "ffmpeg").chmod((folder / "ffmpeg").stat().st_mode | stat.S_IXUSR)
    return str(folder)


def test_sound_is_copied_where_ffmpeg_is(tmp_path, monkeypatch):
    """The fake appends to the video what it was asked for; a player passes over bytes at the end."""
    body = "a = sys.argv\nshutil.copy(a[a.index('-i') + 1], a[-1])\nopen(a[-1], 'a').write(' '.join(a))"
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", body))
    outcome = run(clip(tmp_path / "a.mov"), tmp_path / "out", "--background", "white")
    assert outcome.status == 0 and "has the sound of" in outcome.out
    made = tmp_path / "out/a_composite.mp4"
    command = made.read_bytes()[-1000:].decode(errors="replace")
    assert (
        f"-i {tmp_path / 'a.mov'}" in command
        and "-c:v copy -c:a copy" in command
        and f"-t {FRAMES / 25:.6f}" in command
    )
    assert len(frames_of(made)) == FRAMES


def test_without_sound_the_video_stays_and_one_line_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    options = ("--outputs", "composite", "--background", "white")
    outcome = run(clip(tmp_path / "a.mov"), tmp_path / "none", *options)
    assert outcome.status == 0 and outcome.out.count("no sound") == 1 and "not installed" in outcome.out
    monkeypatch.setenv("PATH", fake_ffmpeg(tmp_path / "bin", "sys.exit('codec not supported')"))
    outcome = run(tmp_path / "a.mov", tmp_path / "broken", *options)
    assert outcome.status == 0 and "could not copy it (codec not supported)" in outcome.out
    for name in ("none", "broken"):
        assert [p.name for p in (tmp_path / name).iterdir()] == ["a_composite.mp4"]
        assert len(frames_of(tmp_path / name / "a_composite.mp4")) == FRAMES


def test_a_window_shows_the_frames_and_q_ends_the_video(tmp_path, monkeypatch):
    shown, keys = [], iter([-1, -1, ord("q")] + [-1] * 100)
    monkeypatch.setenv("DISPLAY", ":0")
    with (
        mock.patch.object(cv2, "getBuildInformation", lambda: "GUI:  QT5"),
        mock.patch.object(cv2, "namedWindow"),
        mock.patch.object(cv2, "imshow", lambda title, image: shown.append(image)),
        mock.patch.object(cv2, "waitKey", lambda milliseconds: next(keys)),
    ):
        outcome = run(clip(tmp_path / "a.mov"), tmp_path / "out", "--show")
    assert outcome.status == 0 and len(shown) == 3
    assert [int(image.argmax() // 4) for image in shown] == [0, 1, 2]
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
