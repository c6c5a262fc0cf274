"""Backgrounds of composites: a colour, an image, a video, or the scene itself out of focus."""

import re
from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from ..common.errors import ConfigError, DataError
from ..imaging import cover, format_of, read_image
from ..imaging.video import VideoReader

BLUR = "blur"
_COLORS = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
    "grey": (128, 128, 128),
    "gray": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
}


class Background(ABC):
    """Gives the image behind each person in turn: the plate."""

    @abstractmethod
    def plate(self, height: int, width: int) -> np.ndarray | None:
        """The next plate, uint8 RGB [height, width, 3]; None where the scene itself is to be blurred."""


class Blur(Background):
    """The scene itself, out of focus."""

    def plate(self, height: int, width: int) -> None:
        """None: the scene is blurred."""
        return None


class StillImage(Background):
    """One image for all, scaled until it fills the frame; a colour is an image of one pixel.

    Args:
        image: uint8 RGB [H, W, 3].
    """

    def __init__(self, image: np.ndarray) -> None:
        self.image = self._fitted = image

    def plate(self, height: int, width: int) -> np.ndarray:
        """The image at this size, uint8 RGB [height, width, 3]."""
        fitted = self._fitted  # the plate before this one, which mostly has the same size
        if fitted.shape[:2] != (height, width):
            self._fitted = fitted = cover(self.image, height, width)
        return fitted


class LoopedVideo(Background):
    """A video's frames in order, from the beginning again at its end. Not for several threads at a time."""

    def __init__(self, path: Path) -> None:
        self.path, self.reader = path, VideoReader(path)

    def plate(self, height: int, width: int) -> np.ndarray:
        """The next frame at this size, uint8 RGB [height, width, 3]; DataError where the file gives none any more."""
        frame = self.reader.read()
        if frame is None:
            self.reader.close()
            self.reader = VideoReader(self.path)
            frame = self.reader.read()
        if frame is None:
            raise _no_frame(self.path)
        return cover(frame, height, width)


def open_background(text: str, video: bool) -> Background:
    """The background that --background names.

    Args:
        text: 'blur', a colour (a name, '#rrggbb' or 'r,g,b'), or a file: an image, or a video.
        video: frames in order are expected; otherwise a video gives its first frame to all images.

    Raises:
        ConfigError: it is none of these.
        DataError: the file cannot be read.
    """
    path = Path(text)
    if text == BLUR:
        return Blur()
    if (color := parse_color(text)) is not None:
        return StillImage(np.array(color, np.uint8).reshape(1, 1, 3))
    if not path.is_file():
        raise ConfigError(
            f"--background '{text}' is neither a file nor a colour. Give blur, a colour ({', '.join(_COLORS)}, #rrggbb "
            "or r,g,b from 0 to 255), an image or a video."
        )
    if format_of(path) is not None:
        return StillImage(read_image(path))
    first = VideoReader(path).read()
    if first is None:
        raise _no_frame(path)
    return LoopedVideo(path) if video else StillImage(first)


def _no_frame(path: Path) -> DataError:
    return DataError(f"The video '{path}' for --background holds no frame. Give another one.")


def parse_color(text: str) -> tuple[int, int, int] | None:
    """Red, green and blue from 0 to 255; None for what is no colour."""
    if text.lower() in _COLORS:
        return _COLORS[text.lower()]
    if match := re.fullmatch(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})", text):
        red, green, blue = (int(part, 16) for part in match.groups())
        return red, green, blue
    if re.fullmatch(r"\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}", text):
        red, green, blue = (int(part) for part in text.split(","))
        return (red, green, blue) if max(red, green, blue) <= 255 else None
    return None
