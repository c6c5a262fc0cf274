"""What is to be measured: models, threads and sizes, and how often."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..common.errors import ConfigError

MODES = ("latency", "throughput")


@dataclass(frozen=True)
class Case:
    """One model on a number of threads.

    Attributes:
        model: path or released name as given.
        precision, threads, device, device_id, preprocess: as in `src.runtime.factory.open_predictor`.
        shape: (height, width) of the network's input.
        source: (height, width) of the image that the input is made from and the matte is made for.
        name: what tables and results call the model; None is `model`.
    """

    model: str
    precision: str = "f32"
    threads: int | None = None
    device: str = "CPU"
    device_id: int = 0
    shape: tuple[int, int] = (512, 512)
    source: tuple[int, int] = (512, 512)
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    name: str | None = None


@dataclass(frozen=True)
class MeasurementPlan:
    """How often is measured.

    Attributes:
        modes: of `MODES`.
        rounds: turns of each model.
        turn: images that count in one turn, for throughput: of each request.
        warm_up: images before the first turn, which do not count.
    """

    modes: tuple[str, ...] = MODES
    rounds: int = 10
    turn: int = 10
    warm_up: int = 5

    def __post_init__(self) -> None:
        if min(self.rounds, self.turn) < 1 or self.warm_up < 0:
            raise ConfigError(
                f"Expected are --rounds and --turn (or --loop) of 1 or more and --warm_up of 0 or more, got "
                f"{self.rounds}, {self.turn} and {self.warm_up}."
            )
