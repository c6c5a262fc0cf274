"""The stages of a video: decoding, network, rendering and encoding overlap, and frames keep their order."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ..common.errors import OutputError
from ..common.progress import progress
from ..common.signals import collect_signals
from ..common.threads import helpers, ordered
from ..imaging import to_matte
from ..imaging.video import Write, check_free, write_frames, write_video
from ..runtime.base import Predictor
from .display import Display
from .options import InferOptions
from .pipeline import run_network
from .render import preview, render
from .video_frames import Matted, VideoFrame, VideoJob, mattes_of, read_frames, without_flicker
from .video_report import VideoReport, WindowClosed

# Lossless, 0 to 255 as they are (MPEG-4 would make 250 of 255); MPEG-4 is what every OpenCV can write.
_ALPHA_CODEC, _COLOR_CODEC = "png ", "mp4v"
_CHECK_FREE_EVERY = 30


Rendered = tuple[VideoFrame, dict[str, np.ndarray]]  # with what `render` makes


@dataclass(frozen=True)
class _Run:
    """What the stages of one video share; `sinks` append a frame to a file, by output name."""

    predictor: Predictor
    job: VideoJob
    options: InferOptions
    sinks: dict[str, Write]
    report: VideoReport


def run_video(predictor: Predictor, job: VideoJob, options: InferOptions, first: np.ndarray) -> VideoReport:
    """Matte `first`, uint8 RGB [H, W, 3], and all frames that the job's reader still has.

    Whatever stops it, signals too, the files hold the frames that were done until then and can be played.

    Raises:
        OutputError: a file could not be closed, and is not there; or none took a first frame, and none is there.
        DataError: the frames are too narrow for the network (see `src.imaging.network_size`); no file is there.
    """
    height, width = first.shape[:2]
    with collect_signals("closing the files after the frames under way") as signals, ExitStack() as stack:
        report = VideoReport(signals=signals)
        sinks = {
            name: stack.enter_context(_open_sink(name, path, job.reader.rate, (height, width)))
            for name, path in job.files.items()
        }
        try:
            _run_stages(_Run(predictor, job, options, sinks, report), first)
        except (KeyboardInterrupt, WindowClosed, OutputError) as error:
            if isinstance(error, OutputError) and not report.written:
                raise  # a video without frames cannot be played
            report.stopped = error
    return report


def _open_sink(name: str, path: Path, rate: float, size: tuple[int, int]) -> AbstractContextManager[Write]:
    if name == "cutout":
        return write_frames(path)
    gray = name == "alpha"
    return write_video(path, _ALPHA_CODEC if gray else _COLOR_CODEC, rate, size, color=not gray)


def _run_stages(run: _Run, first: np.ndarray) -> None:
    report, ofd, threads = run.report, run.options.ofd, helpers()
    display = Display() if run.options.show else None
    with (
        progress(run.job.reader.frames, "frame") as bar,
        ThreadPoolExecutor(1) as decoder,
        ThreadPoolExecutor(threads) as renderers,
        ThreadPoolExecutor(1) as encoder,
    ):
        frames = read_frames(decoder, run.predictor, run.job, first, ofd=ofd is not None)
        mattes = mattes_of(run_network(run.predictor, frames, run.options.batch_size), report)
        if ofd:
            mattes = without_flicker(mattes, ofd, report)
        rendered = ordered(renderers, partial(_render, tuple(run.sinks)), mattes, threads)
        for shown in ordered(encoder, partial(_encode, run), rendered):
            bar.step()
            report.frames, report.seconds = bar.done, bar.seconds
            if display and not display.show(shown):
                raise WindowClosed
            if report.signals:
                raise KeyboardInterrupt


def _render(outputs: tuple[str, ...], matted: Matted) -> Rendered:
    frame, matte = matted
    return frame, render(frame.image, to_matte(matte, *frame.image.shape[:2]), outputs, frame.plate)


def _encode(run: _Run, rendered: Rendered) -> np.ndarray:
    """Append a frame to every file; returns what a window would show. Runs in one thread, in order."""
    frame, made = rendered
    reader, report = run.job.reader, run.report
    copies = int(frame.seconds * reader.rate) + 1 - report.written if reader.live else 1
    if report.written % _CHECK_FREE_EVERY == 0:
        check_free(next(iter(run.job.files.values())).parent)
    for _ in range(copies):
        for name, write in run.sinks.items():
            write(made[name])
        report.written += 1
    return preview(made)
