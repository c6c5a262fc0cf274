"""The frames of a video on their way: decoded, prepared, with mattes, and those without flicker."""

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.threads import ordered
from ..imaging.video import VideoReader
from ..runtime.base import Predictor
from .backgrounds import Background
from .pipeline import Prepared
from .smoothing import OfdThresholds, OneFrameDelay, make_thumbnail
from .video_report import VideoReport

_NO_THUMBNAIL = np.empty((0, 0, 3), np.uint8)


@dataclass(frozen=True)
class VideoJob:
    """A video to be matted: its open reader, the files that it leaves by output name, and the background."""

    reader: VideoReader
    files: dict[str, Path]
    background: Background | None


@dataclass(frozen=True, kw_only=True)
class VideoFrame(Prepared):
    """A frame that is ready for the network.

    Attributes:
        thumbnail: as `src.inference.smoothing.make_thumbnail` makes it; without pixels where there is no OFD.
        seconds: when it was read, since the first frame.
    """

    thumbnail: np.ndarray
    seconds: float


Matted = tuple[VideoFrame, np.ndarray]  # with a matte float32 [h, w] in [0, 1], of the network's size


def read_frames(
    decoder: Executor, predictor: Predictor, job: VideoJob, first: np.ndarray, ofd: bool
) -> Iterator[VideoFrame]:
    """`first` and the reader's frames, decoded and prepared ahead of the caller.

    Args:
        decoder: an executor of one thread.
        predictor: prepares the network's input.
        job: has the reader and the background.
        first: uint8 RGB [H, W, 3].
        ofd: whether frames need a thumbnail.
    """
    start = time.perf_counter()

    def load(number: int) -> VideoFrame | None:
        image = job.reader.read() if number else first
        if image is None:
            return None
        seconds = time.perf_counter() - start
        plate = job.background.plate(*image.shape[:2]) if job.background else None
        thumbnail = make_thumbnail(image) if ofd else _NO_THUMBNAIL
        return VideoFrame(number, image, predictor.prepare(image), plate, thumbnail=thumbnail, seconds=seconds)

    for frame in ordered(decoder, load, itertools.count()):
        if frame is None:
            return
        yield frame


def mattes_of(outputs: Iterable[tuple[VideoFrame, np.ndarray]], report: VideoReport) -> Iterator[Matted]:
    """Frames with their mattes from the network's outputs, float32 [1, 1, h, w] in [0, 1]."""
    for frame, output in outputs:
        matte = np.ascontiguousarray(output[0, 0], np.float32)
        report.before.add(matte)
        yield frame, matte


def without_flicker(mattes: Iterable[Matted], thresholds: OfdThresholds, report: VideoReport) -> Iterator[Matted]:
    """The same frames, each when the next one is there, with mattes that OFD has fixed."""
    ofd, waiting = OneFrameDelay(thresholds), None
    for frame, matte in mattes:
        fixed = ofd.push(matte, frame.thumbnail)
        if waiting is not None and fixed is not None:
            report.after.add(fixed)
            yield waiting, fixed
        waiting = frame
    last = ofd.flush()
    if waiting is not None and last is not None:
        report.after.add(last)
        yield waiting, last
