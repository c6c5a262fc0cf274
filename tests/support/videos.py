"""Small videos for infer.py, and their frames back."""

from pathlib import Path

import numpy as np

from src.imaging.video import VideoReader, write_video
from src.programs import infer
from tests.support.fake_predictor import RedPredictor, fake_model
from tests.support.programs import Outcome, run_main

FRAMES = 12


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


def run(source: Path | str, output: Path, *options: str, predictor: RedPredictor | None = None) -> Outcome:
    """infer.py with a network that takes the red channel for the matte, whatever the model's file holds."""
    model = output.with_name("model.onnx")
    model.touch()
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
