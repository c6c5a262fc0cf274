"""What an evaluation produced, and its JSON form: the only input of reports."""

import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..common.files import read_json, write_text


@dataclass(frozen=True)
class EvalResult:
    """Scores of one network on one data set.

    Attributes:
        model: path or released name as given, with @PRECISION where that is not f32, and +flip where it was scored
            with flip test-time augmentation.
        dataset: path as given.
        pictures: how many images were scored.
        whole, band: mean scores by name over whole images and over their transition bands.
        per_picture: {"name", "whole", "band", "mmnet"} for each image.
        seconds: wall time of the whole evaluation, and `network_seconds` of the network alone.
        mmnet: means of `src.metrics.mmnet.mmnet_scores`, which are other measures than `whole`.
    """

    model: str
    dataset: str
    pictures: int
    whole: dict[str, float]
    band: dict[str, float]
    per_picture: list[dict[str, Any]]
    seconds: float
    network_seconds: float
    mmnet: dict[str, float] = field(default_factory=dict)

    def save(self, path: str | Path) -> None:
        """Write as JSON. A band without a pixel has no score: JSON knows no NaN, so it is null there."""
        write_text(path, json.dumps(_null_for_nan(asdict(self)), indent=1, allow_nan=False))

    @classmethod
    def load(cls, path: str | Path) -> "EvalResult":
        """Read what `save` wrote."""
        return cls(**read_json(path))


@dataclass(frozen=True)
class Comparison:
    """Several networks on one data set; the first is what the others are measured by."""

    results: list[EvalResult]

    def mse_increase(self, result: EvalResult) -> float:
        """By which share the MSE over whole images is above the first network's; negative where it is below."""
        first = self.results[0].whole["mse"]
        if first == 0:
            return 0.0 if result.whole["mse"] == 0 else math.inf
        return result.whole["mse"] / first - 1

    def over(self, share: float) -> list[EvalResult]:
        """The networks whose MSE increase is above `share` (or NaN)."""
        return [result for result in self.results[1:] if not self.mse_increase(result) <= share]

    def table(self) -> str:
        """One line a network: scores of whole images, MSE of the transition band, difference to the first."""
        width = max(len(result.model) for result in self.results)
        head = f"{'model':{width}}       MSE       MAD      mIoU  band MSE  MSE +/-  ms an image"
        return "\n".join([head, *(self._line(result, width) for result in self.results)])

    def _line(self, result: EvalResult, width: int) -> str:
        scores = (result.whole["mse"], result.whole["mad"], result.whole["miou"], result.band["mse"])
        values = "  ".join(f"{score:8.6f}" for score in scores)
        milliseconds = 1000 * result.network_seconds / result.pictures
        return f"{result.model:{width}}  {values}  {self.mse_increase(result):+7.1%}  {milliseconds:12.1f}"

    def save(self, path: str | Path) -> None:
        """Scores and differences by network, without those of single images, which stand in its own `eval.json`."""
        rows = []
        for result in self.results:
            row = asdict(result) | {"mse_increase": self.mse_increase(result)}
            del row["per_picture"]
            rows.append(row)
        write_text(path, json.dumps(_null_for_nan({"models": rows}), indent=1, allow_nan=False))


def _null_for_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _null_for_nan(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_null_for_nan(v) for v in value]
    return None if isinstance(value, float) and math.isnan(value) else value
