"""What became of a video: counted while it runs, told at its end."""

import signal
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..common.log import logger
from ..common.signals import exit_status
from ..imaging.video import VideoReader
from ..metrics.temporal import TemporalError

_BROKEN = 1


class WindowClosed(Exception):
    """The user pressed q or Escape in the window."""


@dataclass
class VideoReport:
    """What became of a video.

    Attributes:
        before: temporal error of the mattes as the network gives them.
        after: the same of the mattes that are written; without OFD nothing is added to it.
        frames: how many were matted.
        written: frames in each file; a camera's frames are repeated or dropped to keep its pace.
        seconds: wall time.
        signals: SIGINT (Ctrl-C) and SIGTERM as they came.
        stopped: what ended it before the source did: KeyboardInterrupt for either signal, WindowClosed or OutputError.
    """

    before: TemporalError = field(default_factory=TemporalError)
    after: TemporalError = field(default_factory=TemporalError)
    frames: int = 0
    written: int = 0
    seconds: float = 0.0
    signals: list[int] = field(default_factory=list)
    stopped: BaseException | None = None


def log_report(report: VideoReport, files: Iterable[Path], ofd: bool) -> None:
    """Log pace and flicker (with OFD, before and after it), and the files."""
    rate = report.frames / max(report.seconds, 1e-9)
    logger.info("%d frames in %.1f s, %.1f frames/s", report.frames, report.seconds, rate)
    fixed = f", with OFD {report.after.score:.3f}" if ofd else ""
    note = "dtSSD against a scene that stands still: motion counts too"
    logger.info("flicker %.3f%s (%s)", report.before.score, fixed, note)
    for path in files:
        logger.info("written: %s", path)


def status_of(report: VideoReport, reader: VideoReader) -> int:
    """The exit status, see `src.inference.video.matte_video`; the log says why it is not 0."""
    if reader.live:
        if report.stopped is None:
            logger.warning("camera %s gives no more frames; what was done is kept", reader.source)
        return 0 if report.stopped else _BROKEN
    if isinstance(report.stopped, KeyboardInterrupt):
        name = signal.Signals(report.signals[0]).name
        logger.warning("stopped by %s after %d frames, which are kept", name, report.written)
        return exit_status(report.signals[0])
    if report.stopped is None and reader.cut_short(report.frames):
        text = "%s broke off after %d of %d frames; what was done is kept"
        logger.warning(text, reader.source, report.frames, reader.frames)
        return _BROKEN
    return 0
