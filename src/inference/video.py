"""Matting of a video file or a camera: what is checked before, and what is done after."""

import time
from pathlib import Path

from ..common.errors import DataError, OutputError
from ..common.log import logger
from ..imaging.video import VideoReader
from ..runtime.base import Predictor
from .audio import copy_sound
from .backgrounds import open_background
from .naming import VIDEO_ENDINGS, check_results
from .options import InferOptions
from .video_frames import VideoJob
from .video_report import log_report, status_of
from .video_run import run_video


def plan_video(source: Path | int, output: Path, options: InferOptions) -> VideoJob | None:
    """Look for earlier results and open the video and the background, before a model is loaded.

    Returns:
        The job; None where its results are there already and are to be skipped.

    Raises:
        DataError, DeviceError, OutputError, ConfigError: as the functions that it calls say.
    """
    if isinstance(source, Path):
        stem, inputs = source.stem, [source]
    else:
        stem, inputs = f"camera{source}_{time.strftime('%Y%m%d-%H%M%S')}", []
    files = {name: output / f"{stem}{VIDEO_ENDINGS[name]}" for name in options.outputs_for(video=True)}
    if not any(check_results([list(files.values())], inputs, options.existing)):
        logger.info("%s: there already, left out", ", ".join(map(str, files.values())))
        return None
    background = None if options.background is None else open_background(options.background, video=True)
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
    log_report(report, job.files.values(), ofd=options.ofd is not None)
    if isinstance(report.stopped, OutputError):
        raise report.stopped
    if "composite" in job.files and isinstance(reader.source, Path):
        copy_sound(reader.source, job.files["composite"], report.written / reader.rate)
    return status_of(report, reader)
