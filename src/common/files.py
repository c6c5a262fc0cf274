"""Files that appear whole or not at all."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .errors import OutputError


def make_folder(path: str | Path) -> Path:
    """Create a folder with its parents; raises OutputError where that cannot be or it cannot be written to."""
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(f"Cannot write to {folder} ({error.strerror}). Name another output folder.") from error
    return folder


def unused_folder(path: str | Path, marks: tuple[str, ...]) -> Path:
    """`path`, or `path-2`, `-3`, ... where an earlier run lies there already: a folder that holds one of `marks`."""
    folder, number = Path(path), 2
    while any((folder / mark).exists() for mark in marks):
        folder = Path(f"{Path(path)}-{number}")
        number += 1
    return folder


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
    an OutputError that names the place.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        os.chmod(temporary, 0o644)  # MindSpore writes checkpoints read-only.
        os.replace(temporary, path)
    except OSError as error:
        raise OutputError(
            f"Cannot write {path} ({error.strerror or error}). Free the disk or choose another place."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text as UTF-8, whole or not at all; see `whole_file`."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
