"""manifest.json: what lies in a folder of quantised models, for programs and people."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import OutputError
from ..common.files import read_json, sha256_of, write_text

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ManifestEntry:
    """One model.

    Attributes:
        model: what other programs are given, relative to the folder; FILE@bf16 is that file opened in bf16.
        files: name, bytes and sha256 of each file of it.
        dtype, backend, note: how it was made; the note's `deviation` as `src.quant.scoring.Validation.deviation` says.
        scores: of this model on the validation images, and `source_scores` of the float one; empty: not measured.
        source: name and SHA-256 of the model that it was made from, and of that one's checkpoint.
    """

    model: str
    files: list[dict[str, Any]]
    dtype: str
    backend: str
    note: dict[str, Any]
    source: dict[str, Any]
    scores: dict[str, float] = field(default_factory=dict)
    source_scores: dict[str, float] = field(default_factory=dict)


def describe(path: Path) -> dict[str, Any]:
    """Name, bytes and SHA-256 of a file."""
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def add_to_manifest(folder: Path, entries: list[ManifestEntry]) -> Path:
    """Write the folder's manifest; entries of earlier calls stay, but for those of the same model."""
    path = folder / MANIFEST
    rows = [asdict(entry) for entry in entries]
    made = {row["model"] for row in rows}
    write_text(path, json.dumps({"models": [*(r for r in _rows(path) if r["model"] not in made), *rows]}, indent=1))
    return path


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    try:
        rows = read_json(path)["models"]
        return [row for row in rows if row["model"]]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise OutputError(
            f"{path} is no manifest of ours ({error!r}). Move it away, or give another --output_path."
        ) from error
