"""Matting of a video file or a camera: what is checked before, and what is said and done after."""

import signal
import time
from pathlib import Path

from ..common.errors import DataError, OutputError
from ..common.log import logger
from ..common.signals import exit_status
from ..imaging.video import VideoReader
from ..runtime.base import Predictor
from .audio import copy_sound
from .backgrounds import open_background
from .naming import VIDEO_ENDINGS, check_results
from .options import InferOptions
from .video_run import VideoJob, VideoReport, run_video

_BROKEN = 1


def plan_video(source: Path | int, output: Path, options: InferOptions) -> VideoJob | None:
    """Open the video and the background and see to earlier results, before a model is loaded.

    Returns:
        The job; None where its results are there already and are to be skipped.

    Raises:
        DataError, DeviceError, OutputError, ConfigError: as the functions that it calls say.
    """
    camera = isinstance(source, int)
    stem = f"camera{source}_{time.strftime('%Y%m%d-%H%M%S')}" if camera else source.stem
    files = {name: output / f"{stem}{VIDEO_ENDINGS[name]}" for name in options.outputs_for(video=True)}
    if not any(check_results([list(files.values())], [] if camera else [source], options.existing)):
        logger.info("%s: there already, left out", ", ".join(map(str, files.values())))
        return None
    background = open_background(options.background, video=True) if "composite" in files else None
    return VideoJob(VideoReader(source), files, background)


def matte_video(predictor: Predictor, job: VideoJob, options: InferOptions) -> int:
    """Write what is asked for of every frame.

    Returns:
        The exit status: 1 where the source broke off before its end, 130 after Ctrl-C and 143 after SIGTERM (what was
        done is kept). A camera has no end of its own: these signals, or q in the window, end it with 0.

    Raises:
        DataError: there is no frame at all.
        OutputError: a result cannot be written; where the disk was nearly full, what was done until then is kept.
    """
    reader = job.reader
    first = reader.read()
    if first is None:
        raise DataError(f"'{reader.source}' gives no frame: it is empty or damaged. Give another --input.")
    try:
        report = run_video(predictor, job, options, first)
    finally:
        reader.close()
    _log(report, job, options)
    if isinstance(report.stopped, OutputError):
        raise report.stopped
    if "composite" in job.files and not reader.live:
        copy_sound(reader.source, job.files["composite"], report.written / reader.rate)
    return _status(report, reader)


def _status(report: VideoReport, reader: VideoReader) -> int:
    if reader.live:
        if report.stopped is None:
            logger.warning("camera %s gives no more frames; what was done is kept", reader.source)
        return 0 if report.stopped else _BROKEN
    if isinstance(report.stopped, KeyboardInterrupt):
        name = signal.Signals(report.signals[0]).name
        logger.warning("stopped by %s after %d frames, which are kept", name, report.written)
        return exit_status(report.signals[0])
    if report.stopped is None and reader.cut_short(report.frames):
        logger.warning(
            "%s broke off after %d of %d frames; what was done is kept", reader.source, report.frames, reader.frames
        )
        return _BROKEN
    return 0


def _log(report: VideoReport, job: VideoJob, options: InferOptions) -> None:
    rate = report.frames / max(report.seconds, 1e-9)
    logger.info("%d frames in %.1f s, %.1f frames/s", report.frames, report.seconds, rate)
    if options.ofd:
        logger.info(
            "flicker %.3f, with OFD %.3f (dtSSD against a scene that stands still: motion counts too)",
            report.before.score, report.after.score,
        )  # fmt: skip
    else:
        logger.info("flicker %.3f (dtSSD against a scene that stands still: motion counts too)", report.before.score)
    for path in job.files.values():
        logger.info("written: %s", path)
