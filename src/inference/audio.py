"""The sound of a video, carried over to the video made from it by ffmpeg where that is installed."""

import shutil
import subprocess
from pathlib import Path

from ..common.files import whole_file
from ..common.log import logger

# Copied as it is; only where the container cannot hold it, it is encoded anew.
_CODECS = (["copy"], ["aac", "-b:a", "192k"])


def copy_sound(source: Path, made: Path, seconds: float) -> None:
    """Give `made` the sound of `source`, no longer than `seconds`; where that cannot be, `made` stays as it is.

    One line of the log says what happened.
    """
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        logger.info("%s has no sound: ffmpeg, which could copy it, is not installed", made)
        return
    reason = ""
    for codec in _CODECS:
        command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-i", made, "-i", source, "-map", "0:v", "-map", "1:a?",
                   "-c:v", "copy", "-c:a", *codec, "-t", f"{seconds:.6f}"]  # fmt: skip
        try:
            with whole_file(made) as temporary:
                _run([*command, temporary])
        except _Refused as error:
            reason = str(error)
        else:
            logger.info("%s has the sound of %s, if there was one", made, source)
            return
    logger.warning("%s has no sound: ffmpeg could not copy it (%s)", made, reason)


class _Refused(Exception):
    """The last line that ffmpeg said."""


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        raise _Refused((done.stderr.strip().splitlines() or ["no reason given"])[-1])
