"""What an evaluation produced, and its JSON form: the only input of reports."""

import json
import math
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
        # A band without a pixel has no score: JSON knows no NaN, so it is null there.
        write_text(path, json.dumps(_null_for_nan(asdict(self)), indent=1, allow_nan=False))

    @classmethod
    def load(cls, path: str | Path) -> "EvalResult":
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))


def _null_for_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _null_for_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_null_for_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
