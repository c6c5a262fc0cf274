"""What --input is: images, a video or a camera."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..common.errors import DataError
from ..common.text import natural_order
from ..imaging import IMAGE_SUFFIXES


@dataclass(frozen=True)
class ImageFiles:
    """Image files in natural order of their names."""

    paths: list[Path]


@dataclass(frozen=True)
class VideoFile:
    """A file that is no image by its name."""

    path: Path


@dataclass(frozen=True)
class Camera:
    """A camera by its number."""

    number: int


Source = ImageFiles | VideoFile | Camera


def find_source(text: str) -> Source:
    """The source that --input names: a file or folder that exists, else a number is a camera.

    Raises:
        DataError: there is no such file, or the folder cannot be listed or holds no image.
    """
    path = Path(text)
    if path.is_dir():
        return ImageFiles(_images_in(path))
    if path.is_file():
        return ImageFiles([path]) if path.suffix.lower() in IMAGE_SUFFIXES else VideoFile(path)
    if text.isdecimal():
        return Camera(int(text))
    raise DataError(f"There is no file or folder '{text}'. Give an image, a folder of images, a video or a camera's "
                    "number (0, 1, ...) as --input.")  # fmt: skip


def _images_in(folder: Path) -> list[Path]:
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file() and not entry.name.startswith(".")]
    except OSError as error:
        raise DataError(f"Cannot list '{folder}': {error.strerror}. Check its permissions.") from error
    names = [name for name in names if Path(name).suffix.lower() in IMAGE_SUFFIXES]
    if not names:
        endings = " ".join(suffix[1:] for suffix in IMAGE_SUFFIXES)
        raise DataError(f"The folder '{folder}' holds no image ({endings}). Videos are given one by one.")
    return [folder / name for name in natural_order(names)]
