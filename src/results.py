"""What an evaluation produced, and its JSON form: the only input of reports."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from src.files import write_text


@dataclass(frozen=True)
class EvalResult:
    """Scores of one network on one data set.

    Attributes:
        model, dataset: paths as given.
        pictures: how many were scored.
        whole, band: mean scores by name over whole pictures and over their transition bands.
        per_picture: {"name", "whole", "band"} for each picture.
        seconds: wall time of the whole evaluation, and `network_seconds` of the network alone.
    """

    model: str
    dataset: str
    pictures: int
    whole: dict[str, float]
    band: dict[str, float]
    per_picture: list[dict[str, Any]]
    seconds: float
    network_seconds: float

    def save(self, path: str | Path) -> None:
        write_text(path, json.dumps(asdict(self), indent=1))

    @classmethod
    def load(cls, path: str | Path) -> "EvalResult":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
