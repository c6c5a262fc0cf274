"""The stages of a video: decoding, network, rendering and encoding overlap, and frames keep their order."""

import itertools
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from ..common.errors import OutputError
from ..common.progress import progress
from ..common.signals import collect_signals
from ..common.threads import helpers, ordered
from ..imaging import to_matte
from ..imaging.video import VideoReader, Write, check_free, write_frames, write_video
from ..metrics.temporal import TemporalError
from ..runtime.base import Predictor
from .backgrounds import Background
from .display import Display
from .options import InferOptions
from .pipeline import Matted, PipelineItem, run_network
from .render import preview, render
from .smoothing import OneFrameDelay, make_thumbnail

# Lossless, 0 to 255 as they are (MPEG-4 would make 250 of 255); MPEG-4 is what every OpenCV can write.
_ALPHA_CODEC, _COLOR_CODEC = "png ", "mp4v"
_CHECK_FREE_EVERY = 30


@dataclass(frozen=True)
class VideoJob:
    """A video to be matted: its open reader, the files that it leaves by output name, and the background."""

    reader: VideoReader
    files: dict[str, Path]
    background: Background | None


class WindowClosed(Exception):
    """q or Escape in the window."""


@dataclass
class VideoReport:
    """What became of a video.

    Attributes:
        frames: matted.
        written: in each file; a camera's frames are repeated or dropped to keep its pace.
        seconds: wall time.
        before, after: temporal error of the mattes as the network gives them and as they are written.
        signals: SIGINT (Ctrl-C) and SIGTERM as they came.
        stopped: what ended it before the source did: KeyboardInterrupt for either signal, WindowClosed or OutputError.
    """

    before: TemporalError
    after: TemporalError
    frames: int = 0
    written: int = 0
    seconds: float = 0.0
    signals: list[int] = field(default_factory=list)
    stopped: BaseException | None = None


def run_video(predictor: Predictor, job: VideoJob, options: InferOptions, first: np.ndarray) -> VideoReport:
    """Matte `first`, uint8 RGB [H, W, 3], and all frames that the job's reader still has.

    Whatever stops it, signals too, the files hold the frames that were done until then and can be played.

    Raises:
        OutputError: a file could not be closed, and is not there; or none took a first frame, and none is there.
        DataError: the frames are too narrow for the network (see `src.imaging.network_size`); no file is there.
    """
    with collect_signals("closing the files after the frames under way") as signals, ExitStack() as stack:
        report = VideoReport(TemporalError(), TemporalError(), signals=signals)
        sinks = {name: stack.enter_context(_sink(name, path, job, first.shape[:2])) for name, path in job.files.items()}
        try:
            _run_stages(predictor, job, options, first, sinks, report)
        except (KeyboardInterrupt, WindowClosed, OutputError) as error:
            if isinstance(error, OutputError) and not report.written:
                raise  # a video without frames cannot be played
            report.stopped = error
    return report


def _sink(name: str, path: Path, job: VideoJob, size: tuple[int, int]) -> AbstractContextManager[Write]:
    if name == "rgba":
        return write_frames(path)
    gray = name == "alpha"
    return write_video(path, _ALPHA_CODEC if gray else _COLOR_CODEC, job.reader.rate, size, color=not gray)


def _run_stages(
    predictor: Predictor,
    job: VideoJob,
    options: InferOptions,
    first: np.ndarray,
    sinks: dict[str, Write],
    report: VideoReport,
) -> None:
    display, threads = Display() if options.show else None, helpers()
    with (
        progress(job.reader.frames, "frame") as bar,
        ThreadPoolExecutor(1) as decoder,
        ThreadPoolExecutor(threads) as renderers,
        ThreadPoolExecutor(1) as encoder,
    ):
        frames = _frames(decoder, predictor, job, options, first)
        mattes = _smoothed(run_network(predictor, frames, options.batch_size), options, report)
        rendered = ordered(renderers, partial(_render, tuple(sinks)), mattes, threads)
        for shown in ordered(encoder, partial(_encode, sinks, job, report), rendered):
            bar.step()
            report.frames, report.seconds = bar.done, bar.seconds
            if display and not display.show(shown):
                raise WindowClosed
            if report.signals:
                raise KeyboardInterrupt


def _frames(
    decoder: ThreadPoolExecutor, predictor: Predictor, job: VideoJob, options: InferOptions, first: np.ndarray
) -> Iterator[PipelineItem]:
    start = time.perf_counter()

    def load(number: int) -> PipelineItem | None:
        image = job.reader.read() if number else first
        if image is None:
            return None
        seconds = time.perf_counter() - start
        plate = job.background.plate(*image.shape[:2]) if job.background else None
        thumbnail = make_thumbnail(image) if options.ofd else None
        return PipelineItem(number, image, predictor.prepare(image), plate, thumbnail, seconds=seconds)

    return itertools.takewhile(lambda picture: picture is not None, ordered(decoder, load, itertools.count()))


def _smoothed(matted: Iterator[Matted], options: InferOptions, report: VideoReport) -> Iterator[Matted]:
    """Frames with the mattes [h, w] that are to be written: with OFD one frame later than they come in."""
    ofd, waiting = OneFrameDelay(options.ofd) if options.ofd else None, None
    for picture, output in matted:
        matte = np.ascontiguousarray(output[0, 0], np.float32)
        report.before.add(matte)
        if ofd is None:
            yield picture, matte
            continue
        fixed = ofd.push(matte, picture.thumbnail)
        if waiting is not None:
            report.after.add(fixed)
            yield waiting, fixed
        waiting = picture
    if waiting is not None:
        last = ofd.flush()
        report.after.add(last)
        yield waiting, last


def _render(outputs: tuple[str, ...], matted: Matted) -> tuple[PipelineItem, dict[str, np.ndarray]]:
    picture, matte = matted
    return picture, render(picture.image, to_matte(matte, *picture.image.shape[:2]), outputs, picture.plate)


def _encode(
    sinks: dict[str, Write], job: VideoJob, report: VideoReport, rendered: tuple[PipelineItem, dict[str, np.ndarray]]
) -> np.ndarray:
    """Append a frame to every file; returns what a window would show. Runs in one thread, in order."""
    picture, made = rendered
    copies = int(picture.seconds * job.reader.rate) + 1 - report.written if job.reader.live else 1
    if report.written % _CHECK_FREE_EVERY == 0:
        check_free(next(iter(job.files.values())).parent)
    for _ in range(copies):
        for name, write in sinks.items():
            write(made[name])
        report.written += 1
    return preview(made)
