"""What a run is given: images, videos, a camera or standard input, found by content; what is neither is named."""

import glob
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from ..common.errors import ConfigError, DataError
from ..common.files import is_special
from ..common.text import natural_order
from ..imaging import IMAGE_SUFFIXES
from ..imaging.formats import HEAD_BYTES, image_format, is_video

STANDARD_INPUT = "-"


@dataclass(frozen=True)
class Found:
    """An image or a video.

    Attributes:
        path: of the file; `-` where it came by standard input.
        name: of its results: the file's, below the folder that was given.
        video: whether it is none of the images.
        data: its content where that was read already.
    """

    path: Path
    name: PurePath
    video: bool = False
    data: bytes | None = None


@dataclass(frozen=True)
class LeftOut:
    """An entry that is not matted, and why."""

    name: PurePath
    reason: str


@dataclass
class Sources:
    """What was found, each list in the order given and in natural order within a folder."""

    images: list[Found] = field(default_factory=list)
    videos: list[Found] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    camera: int | None = None

    def shard(self, part: int, parts: int) -> "Sources":
        """Part 1, 2, ... of `parts`. Each file's is decided by its name alone, whatever lies beside it."""

        def ours(item: Found | LeftOut) -> bool:
            return zlib.crc32(os.fsencode(item.name.as_posix())) % parts == part - 1

        images, videos = ([item for item in items if ours(item)] for items in (self.images, self.videos))
        return Sources(images, videos, [item for item in self.left_out if ours(item)], self.camera)


def find_sources(texts: Sequence[str], recursive: bool = False, output: Path | None = None) -> Sources:
    """Everything that the arguments name: files, folders, patterns, `-`, or one camera's number.

    Args:
        texts: as they were given.
        recursive: folders below folders too.
        output: a folder that is left out, for results lie in it.

    Raises:
        ConfigError: an argument is empty, or a camera is not the only one.
        DataError: nothing is found that could be matted.
    """
    sources, search = Sources(), _Search(recursive, output)
    if len(texts) == 1 and texts[0].isdecimal() and not Path(texts[0]).exists():
        sources.camera = int(texts[0])
        return sources
    for text in texts:
        if not text:
            raise ConfigError("--input is empty. Give an image, a folder, a pattern, a video or a camera's number.")
        for item in search.named(text):
            if isinstance(item, LeftOut):
                sources.left_out.append(item)
            else:
                (sources.videos if item.video else sources.images).append(item)
    if not (sources.images or sources.videos):
        raise DataError(_nothing(sources.left_out, texts))
    return sources


@dataclass
class _Search:
    recursive: bool
    output: Path | None
    seen: set[Path] = field(default_factory=set)

    def named(self, text: str) -> Iterator[Found | LeftOut]:
        """What one argument names."""
        path = Path(text)
        if text == STANDARD_INPUT:
            yield Found(path, PurePath("stdin"), data=sys.stdin.buffer.read())
        elif _is(path.is_dir):
            yield from self._folder(path, PurePath())
        elif os.path.lexists(path):
            yield from self._once(path, PurePath(path.name), given=True)
        elif matches := natural_order(glob.glob(text, recursive=True)):
            for match in matches:
                yield from self._match(Path(match))
        else:
            yield LeftOut(path, f"There is no file or folder '{text}'")

    def _match(self, path: Path) -> Iterator[Found | LeftOut]:
        if _is(path.is_dir):
            yield LeftOut(path, f"'{path}' is a folder, which a pattern does not open")
        else:
            yield from self._once(path, PurePath(path.name), given=False)

    def _folder(self, folder: Path, below: PurePath) -> Iterator[Found | LeftOut]:
        try:
            names = natural_order(name for name in os.listdir(folder) if not name.startswith("."))
        except OSError as error:
            yield LeftOut(below, f"Cannot list '{folder}': {error.strerror}. Check its permissions")
            return
        for name in names:
            path, inside = folder / name, below / name
            if not _is(path.is_dir):
                yield from self._once(path, inside, given=False)
            elif self.output is not None and path.resolve() == self.output.resolve():
                continue
            elif self.recursive and not path.is_symlink():
                yield from self._folder(path, inside)
            elif self.recursive:
                yield LeftOut(inside, f"'{path}' is a link to a folder, which could lead in a circle")
            else:
                yield LeftOut(inside, f"'{path}' is a folder; --recursive takes what is in it")

    def _once(self, path: Path, name: PurePath, given: bool) -> Iterator[Found | LeftOut]:
        """The file, unless it was named before; `given`: by an argument of its own."""
        if path in self.seen:
            return
        self.seen.add(path)
        try:
            yield Found(path, name, _is_video_file(path, given))
        except DataError as error:
            yield LeftOut(name, str(error))


def _is_video_file(path: Path, given: bool) -> bool:
    """Whether a file is a video, and no image; DataError where it is neither. What was `given` is tried in any case."""
    try:
        if is_special(path):
            raise DataError(f"'{path}' is a pipe or a device. Write its content to a file, or pass it by `-`")
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror}") from error
    named_image = path.suffix.lower() in IMAGE_SUFFIXES
    if image_format(head) is not None or (named_image and not is_video(head, path)):
        return False
    if given or is_video(head, path):
        return True
    raise DataError(f"'{path}' is neither an image nor a video by its content")


def _is(test: Callable[[], bool]) -> bool:
    """A path's test; False where it cannot be made (a name too long, links in a circle)."""
    try:
        return test()
    except OSError:
        return False


def _nothing(left_out: Sequence[LeftOut], texts: Sequence[str]) -> str:
    if left_out and len(left_out) == len(texts) == 1 and left_out[0].reason.startswith(("There", "Cannot")):
        cure = "Give an image, a folder of images, a video or a camera's number (0, 1, ...) as --input."
        return f"{left_out[0].reason}. {cure}"
    reasons = "".join(f" {item.reason}." for item in left_out[:3])
    where = ", ".join(f"'{text}'" for text in texts[:3])
    return f"{where} holds no image and no video.{reasons}"
