"""Names of results: no two inputs share one, and nothing that exists is written over unasked."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..common.errors import OutputError
from ..common.text import first_few

VIDEO_ENDINGS = {"alpha": "_alpha.mov", "cutout": "_rgba", "composite": "_composite.mp4"}


_LONGEST_NAME = 255  # bytes, of all common file systems


def image_endings(outputs: Sequence[str], encoding: str, marked: bool = False) -> dict[str, str]:
    """What follows an image's stem, by output.

    The cut-out has the plain name, or the alpha where there is none; with `marked` none has.
    """
    plain = None if marked else "cutout" if "cutout" in outputs else "alpha"
    return {name: f"{'' if name == plain else f'_{name}'}.{encoding}" for name in outputs}


def too_long(files: Iterable[Path]) -> str | None:
    """Why these cannot be written: the first whose name is too long for a file system."""
    for file in files:
        if (length := len(os.fsencode(file.name))) > _LONGEST_NAME:
            return f"the name of its result, '{file.name[:40]}...', has {length} bytes; {_LONGEST_NAME} are the most"
    return None


def output_stems(paths: Sequence[Path], endings: Iterable[str]) -> list[str]:
    """A stem for the results of each image.

    It is the image's own, or with its extension where several share it (`a_jpg`, `a_png`); where a result would
    still have another's name (`a_alpha.jpg` beside `a.jpg`), a number follows. Case does not tell names apart.
    """
    shared = Counter(path.stem.casefold() for path in paths)
    endings, stems = list(endings), []
    taken: set[str] = set()
    for path in paths:
        stem = path.stem if shared[path.stem.casefold()] == 1 else f"{path.stem}_{path.suffix[1:]}"
        base, number = stem, 2
        while taken & (files := {f"{stem}{ending}".casefold() for ending in endings}):
            stem, number = f"{base}-{number}", number + 1
        taken |= files
        stems.append(stem)
    return stems


def check_results(
    results: Sequence[Sequence[Path]], inputs: Iterable[Path], existing: str, option: str = "--output"
) -> list[bool]:
    """Which of the inputs are to be worked on, by the files that each would leave.

    Args:
        results: for each input its files.
        inputs: files that must not be written over in any case.
        existing: 'refuse', 'skip' (an input whose files are all there is left out) or 'replace'.
        option: how the command line calls the folder of the results, for messages.

    Raises:
        OutputError: a result is one of the inputs, or is there already and `existing` is 'refuse'.
    """
    sources = {path.resolve() for path in inputs}
    clash = [file for files in results for file in files if file.resolve() in sources]
    if clash:
        raise OutputError(f"The result '{clash[0]}' would be written over an input. Give another {option}.")
    there = [[file for file in files if file.exists()] for files in results]
    old = [file.name for found in there for file in found]
    if old and existing == "refuse":
        raise OutputError(
            f"{len(old)} of the results are in '{results[0][0].parent}' already: {first_few(old)}. Go on where an "
            f"earlier run stopped with --existing skip, write them anew with --existing replace, or give another "
            f"{option}."
        )
    return [existing != "skip" or len(found) < len(files) for files, found in zip(results, there, strict=True)]
