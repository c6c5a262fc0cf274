"""Files that appear whole or not at all."""

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import socket
import tempfile
import time
import zlib
from collections.abc import Iterator
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from .errors import OutputError

_SHOWN = 300  # characters of a path that a message repeats
_made: list[Path] = []  # folders that this process made
_claims: dict[Path, int] = {}  # folders that only this process writes to, and what holds the lock
_SWEEP_SHARE = 0.02  # of the time, at most, goes into looking for what dead processes left
_swept: dict[Path, tuple[float, float]] = {}  # folder -> when it was last looked through, and how long that took


def make_folder(path: str | Path) -> Path:
    """Create a folder with its parents; raises OutputError where that cannot be or it cannot be written to.

    `end_folders` removes it again where nothing came into it.
    """
    folder = Path(path)
    try:
        missing = [one for one in (folder, *folder.parents) if not one.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        _made.extend(missing)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        reason = getattr(error, "strerror", None) or error
        raise OutputError(f"Cannot write to {shown_path(folder)} ({reason}). Name another output folder.") from error
    return folder


def shown_path(path: str | Path) -> str:
    """A path for messages, cut where no file's name is that long."""
    text = str(path)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def claim_folder(path: str | Path, marks: tuple[str, ...]) -> Path:
    """Make `path`, or `path-2`, `-3`, ... where a run lies there already, and keep other processes out of it.

    A run lies in a folder that holds one of `marks`, or that another process has claimed and not left yet.
    OutputError where it cannot be written to.
    """
    for number in count(1):
        folder = Path(path) if number == 1 else Path(f"{Path(path)}-{number}")
        if not _marked(folder, marks) and _claimed(make_folder(folder)) and not _marked(folder, marks):
            return folder
    raise AssertionError("counting never ends")


def own_folder(path: str | Path) -> Path:
    """`make_folder`, and keep other processes out until this one ends; OutputError where one is at work in it."""
    folder = make_folder(path)
    if not _claimed(folder):
        raise OutputError(f"Another process writes to {folder} now. Wait for its end, or name another folder.")
    return folder


def _marked(folder: Path, marks: tuple[str, ...]) -> bool:
    return any(os.path.lexists(folder / mark) for mark in marks)


def _claimed(folder: Path) -> bool:
    """Lock the folder itself, which leaves nothing behind however the process ends; True where there are no locks."""
    key = folder.resolve()
    if key in _claims:
        return True
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return False
    except OSError:  # a file system without locks
        os.close(handle)
        return True
    _claims[key] = handle
    return True


def end_folders(keep_empty: bool = False) -> None:
    """At the end of a program: leave the folders that it claimed, and remove those that it made for nothing."""
    while _claims:
        os.close(_claims.popitem()[1])
    for folder in sorted(set(_made), key=lambda one: -len(one.parts)):
        if not keep_empty:
            with contextlib.suppress(OSError):  # it holds something
                folder.rmdir()
    _made.clear()


def read_text(path: str | Path, errors: str = "strict") -> str:
    """A file's UTF-8 text, `errors` as of `bytes.decode`.

    OSError also for a pipe or a device, which might never end, and for what holds NUL characters, as no name may.
    """
    if is_special(path):
        raise OSError(errno.EINVAL, "a pipe or a device, expected is a file", str(path))
    text = Path(path).read_text(encoding="utf-8", errors=errors)
    if "\0" in text:
        raise OSError(errno.EILSEQ, "it holds NUL characters, so it is no text", str(path))
    return text


def is_special(path: str | Path) -> bool:
    """Whether a pipe or a device is there: reading it might never end."""
    path = Path(path)
    return path.exists() and not path.is_file() and not path.is_dir()


def refuse_existing(*paths: Path, cure: str = "Give another --output, or move that file away.") -> None:
    """Raise OutputError, with what the user can do about it, where something lies at one of the paths already."""
    for path in paths:
        if path.exists():
            raise OutputError(f"{path} is there already. {cure}")


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file's content, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`, with the same ending; it takes the name `path` when the block succeeds.

    On any exception the temporary file is removed and an earlier `path` stays as it was; an OSError becomes
    an OutputError that names the place. What processes that were killed left in the folder is removed first.
    """
    path = Path(path)
    _sweep(path.parent, path)
    temporary = path.with_name(_temporary_name(path.name) + path.suffix)
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # MindSpore writes checkpoints read-only.
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path} ({error.strerror or error}). Free the disk or choose another place."
        ) from error
    finally:
        for rest in (temporary, temporary.with_suffix(".tmp")):  # MindSpore writes into the latter
            with contextlib.suppress(OSError):
                rest.unlink(missing_ok=True)


@contextlib.contextmanager
def staging_folder(folder: str | Path) -> Iterator[Path]:
    """Yield a new folder inside `folder` for files that are to move there once all are whole; it is removed at the end.

    What processes that were killed left in `folder` is removed first. An OSError of making it is not converted.
    """
    folder = Path(folder)
    _sweep(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=_temporary_name("") + "-") as staging:
        yield Path(staging)


def _temporary_name(name: str) -> str:
    """Says which process of which host writes it, so that what a dead one left is known; `name` is hashed into it."""
    return f".modnet-{_host()}-{os.getpid()}-{zlib.crc32(os.fsencode(name)):08x}"


@cache
def _host() -> str:
    """The process numbers of another machine, which shares the folder, say nothing here."""
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _sweep(folder: Path, path: Path | None = None) -> None:
    """Remove temporary files and folders of dead processes; `path`: also as earlier versions named those for it.

    A large folder is looked through seldom, so that writing many files into it stays quick.
    """
    began = time.monotonic()
    last, took = _swept.get(folder, (0.0, 0.0))
    if began - last < took / _SWEEP_SHARE:
        return
    marked = rf"\.modnet-{_host()}-(\d+)-.*"
    earlier = rf"|\.{re.escape(path.stem)}\.(\d+)(?:\.tmp|{re.escape(path.suffix)})" if path else ""
    pattern = re.compile(marked + earlier)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if (match := pattern.fullmatch(name)) and _is_dead(int(match[match.lastindex or 1])):
                _remove(folder / name)
    _swept[folder] = time.monotonic(), time.monotonic() - began


def _is_dead(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it is another user's, or no process number
        return False
    return False


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def read_json(path: str | Path) -> Any:
    """What a JSON file holds; OSError where it cannot be read, ValueError where it is no JSON or nested too deeply."""
    try:
        return json.loads(read_text(path))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_text(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all; see `whole_file`. Files' names in it may be no UTF-8."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
