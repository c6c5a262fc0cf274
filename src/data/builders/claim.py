"""The claim that a data set's builder lays on its output folder, so that it never writes into another data set."""

import json
import os
from pathlib import Path
from typing import Any

from ...common.errors import OutputError
from ...common.files import own_folder, read_json
from ...imaging import write_file


def claim_output(output: Path, manifest: str, expected: dict[str, Any]) -> None:
    """Make `output` this program's own, so that a later run with the same arguments may go on there.

    `release_output` turns the claim into the manifest when all is done.

    Raises:
        OutputError: the folder holds something else or was begun with other arguments; nothing in it was touched. Or
            another process is at work there.
    """
    for path in (output / manifest, _claim(output, manifest)):
        if path.is_file():
            found = {key: value for key, value in _read(path).items() if key in expected}
            if found != expected:
                raise OutputError(
                    f"'{output}' was made with {json.dumps(found)}, now {json.dumps(expected)} is expected. "
                    "Give another --output, or remove that folder first; nothing in it was changed."
                )
            own_folder(output)
            return
    if output.exists() and (not output.is_dir() or any(not p.name.startswith(".") for p in output.iterdir())):
        raise OutputError(
            f"'{output}' is not an empty folder and was not made by this program. Give another --output; "
            "nothing in it was changed."
        )
    own_folder(output)
    write_file(_claim(output, manifest), (json.dumps(expected) + "\n").encode())


def release_output(output: Path, manifest: str, results: dict[str, Any] | None = None) -> None:
    """Turn the claim into the manifest: the data set is complete. `results` are put into it, also where it is there."""
    target, claim = output / manifest, _claim(output, manifest)
    source = target if target.is_file() else claim
    if results:
        write_file(source, (json.dumps(_read(source) | results, indent=1) + "\n").encode())
    if source == claim:
        os.replace(claim, target)


def _claim(output: Path, manifest: str) -> Path:
    return output / f".{manifest}.begun"


def _read(path: Path) -> dict[str, Any]:
    try:
        return dict(read_json(path))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(f"'{path}' cannot be read ({error}). Give another --output.") from error
