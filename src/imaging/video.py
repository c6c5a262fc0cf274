"""Videos read and written by OpenCV, frame by frame."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from ..common.errors import DataError, DeviceError, MattingError, OutputError
from ..common.files import make_folder, whole_file
from ..common.log import logger
from . import write_png

# Errors are told by us, in words that help; FFmpeg's and OpenCV's own lines would come before them.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
_SILENT = 0

_DEFAULT_RATE = 30.0
_RATES = (0.1, 1000.0)
# Containers count their frames exactly or estimate them; a few less than that is no damage.
_MISSING_SHARE, _MISSING_FRAMES = 0.02, 1
_LEAST_FREE = 16 << 20

Write = Callable[[np.ndarray], None]


class VideoReader:
    """Frames of a video file or a camera, uint8 RGB [H, W, 3], upright (the file's rotation is applied).

    Raises DataError or DeviceError where it cannot be opened.
    """

    def __init__(self, source: Path | int) -> None:
        self.source, self.live = source, isinstance(source, int)
        self._capture = _open(source)
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = rate if _RATES[0] <= rate <= _RATES[1] else _DEFAULT_RATE
        frames = self._capture.get(cv2.CAP_PROP_FRAME_COUNT)
        # Formats without a count give a negative one.
        self.frames = None if self.live or not 0 < frames < 1e9 else int(frames)

    def read(self) -> np.ndarray | None:
        """The next frame; None at the end, or where the file is damaged or the camera gone."""
        found, frame = self._capture.read()
        return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if found else None

    def cut_short(self, done: int) -> bool:
        """Whether a file that gave `done` frames announces more than that."""
        return self.frames is not None and self.frames - done > max(_MISSING_FRAMES, _MISSING_SHARE * self.frames)

    def close(self) -> None:
        """Let the file or the camera go."""
        self._capture.release()


def _open(source: Path | int) -> cv2.VideoCapture:
    level = cv2.getLogLevel()
    cv2.setLogLevel(_SILENT)
    try:
        if isinstance(source, int):
            capture = cv2.VideoCapture(source)
            capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # where the driver can: the newest frame, not one of the past
        else:
            capture = cv2.VideoCapture(_name_for_opencv(source, DataError), cv2.CAP_FFMPEG)
    finally:
        cv2.setLogLevel(level)
    if capture.isOpened():
        capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)  # phones store upright videos lying, and say so
        return capture
    if isinstance(source, int):
        here = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "none"
        raise DeviceError(
            f"There is no camera {source}, or another program uses it (devices here: {here}). Give the number of a "
            "camera that is plugged in, or a video file, as --input."
        )
    raise DataError(
        f"'{source}' is no video that OpenCV can open: another kind of file, or its index is missing because the "
        "recording or download broke off. Download it again, or convert it to MP4."
    )


def _name_for_opencv(path: Path, refusal: type[MattingError]) -> str:
    """A path as OpenCV takes it for a video: it crashes at bytes that are no UTF-8."""
    try:
        str(path).encode()
    except UnicodeEncodeError as error:
        raise refusal(f"{str(path)!a} is not UTF-8, which videos' names must be. Rename the file or folder.") from error
    return str(path)


@contextlib.contextmanager
def write_video(path: Path, codec: str, rate: float, size: tuple[int, int], color: bool) -> Iterator[Write]:
    """Yield a function that appends a frame, uint8 RGB [H, W, 3] or, without `color`, grey [H, W].

    The video gets its name when the block ends well. Sides that are odd grow by one pixel, the border repeated.

    Args:
        path: of the video; the suffix says the container.
        codec: four characters that the container of the path's suffix takes.
        rate: frames a second.
        size: (height, width) of every frame.
        color: whether frames are RGB.

    Raises:
        OutputError: the file cannot be written, or not all of it was.
    """
    height, width = (side + side % 2 for side in size)
    if (height, width) != size:
        logger.info("%s is %dx%d: videos have even sides, so the border is repeated", path, width, height)
    frames = 0
    _name_for_opencv(path, OutputError)
    with whole_file(path) as temporary:
        writer = cv2.VideoWriter(
            str(temporary), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*codec), rate, (width, height), color
        )
        if not writer.isOpened():
            raise OutputError(f"Cannot write the video {path}. Check that the folder can be written to.")

        def write(frame: np.ndarray) -> None:
            nonlocal frames
            frame = cv2.cvtColor(frame, cv2.COLOR_RGB2BGR) if color else frame
            if (height, width) != size:
                frame = cv2.copyMakeBorder(frame, 0, height - size[0], 0, width - size[1], cv2.BORDER_REPLICATE)
            writer.write(frame)
            frames += 1

        try:
            yield write
        finally:
            writer.release()
        _check_written(temporary, path, frames)


def _check_written(temporary: Path, path: Path, frames: int) -> None:
    """OpenCV says nothing where the disk is full; the file does."""
    try:
        reader = VideoReader(temporary)
        there = reader.frames
        reader.close()
    except DataError:
        there = 0
    if there != frames:
        raise OutputError(
            f"Cannot write all of {path}: {there or 0} of {frames} frames arrived. The disk is full, or a size limit "
            "was reached; free some space or choose another place."
        )


@contextlib.contextmanager
def write_frames(folder: Path) -> Iterator[Write]:
    """Yield a function that writes the next frame to `folder` as 000001.png, 000002.png, ...

    The folder gets its name when the block ends well; it takes the place of an earlier one. Otherwise nothing is left.
    """
    temporary = make_folder(folder.with_name(f".{folder.name}.{os.getpid()}"))
    frames = 0

    def write(frame: np.ndarray) -> None:
        nonlocal frames
        frames += 1
        write_png(temporary / f"{frames:06d}.png", frame)

    try:
        yield write
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except OSError as error:
        raise OutputError(f"Cannot write {folder} ({error.strerror or error}). Choose another place.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_free(folder: Path) -> None:
    """Raise OutputError while there is still room to finish what was begun."""
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE:
        raise OutputError(
            f"The disk of {folder} is full ({free >> 20} MiB left). What was done until then is kept; free some space "
            "or choose another place."
        )
