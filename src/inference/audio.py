"""The sound of a video, carried over to the video made from it by ffmpeg where that is installed."""

import shutil
import subprocess
from pathlib import Path

from ..common.files import whole_file
from ..common.log import logger

# Copied as it is; only where the container cannot hold it, it is encoded anew.
_CODECS = (("copy",), ("aac", "-b:a", "192k"))


def copy_sound(source: Path, made: Path, seconds: float) -> None:
    """Give the video `made` the sound of `source`, no longer than `seconds`; where that cannot be, `made` stays.

    One line of the log says what happened.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        logger.info("%s has no sound: ffmpeg, which could copy it, is not installed", made)
        return
    reason = ""
    for codec in _CODECS:
        try:
            _run_ffmpeg(ffmpeg, source, made, codec, seconds)
        except _FfmpegError as error:
            reason = str(error)
        else:
            logger.info("%s has the sound of %s, if there was one", made, source)
            return
    logger.warning("%s has no sound: ffmpeg could not copy it (%s)", made, reason)


class _FfmpegError(Exception):
    """The last line that ffmpeg said."""


def _run_ffmpeg(ffmpeg: str, source: Path, made: Path, codec: tuple[str, ...], seconds: float) -> None:
    with whole_file(made) as temporary:
        command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", str(made), "-i", str(source), "-map", "0:v",
                   "-map", "1:a?", "-c:v", "copy", "-c:a", *codec, "-t", f"{seconds:.6f}", str(temporary)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode:
            raise _FfmpegError((done.stderr.strip().splitlines() or ["no reason given"])[-1])
