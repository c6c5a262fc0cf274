"""What prune.py was asked for, checked."""

from dataclasses import dataclass, field
from pathlib import Path

from src.dataset_spec import check_choice
from src.errors import ConfigError
from src.pruning.importance import IMPORTANCES
from src.pruning.measure import Target
from src.pruning.plan import Limits

NORM_CHOICES = ("auto", "batch")
STRATEGIES = ("original", "uniform", "global", "budget", "sensitivity")


@dataclass(frozen=True)
class PruneOptions:
    """
    Attributes:
        ratio: share of channels to remove (original: in the high-resolution and fusion branches).
        threshold: of the normalised L1 (original: in the encoder and the low-resolution branch).
        target: upper bound of a cost instead of a ratio; not for "original".
        gather: "mean" or "sum" of a channel's scores over the layers that make it.
        calibration: folder of pictures for the batch norms' statistics; None takes the training set's, if there is one.
        batches: so many batches for these and for Taylor importance.
        recalibrate: renew the batch norms' statistics where pictures are given.
        pictures: so many validation pictures for the sensitivity and for the choice of norms.
        norm: "batch": all instance norms become batch norms; "auto": those whose harm is worth it; None: none does.
        norm_cost: share by which "auto" lets the MSE rise before any retraining.
    """

    strategy: str = "original"
    importance: str = "l1"
    ratio: float = 0.5
    threshold: float = 0.5
    target: Target | None = None
    limits: Limits = field(default_factory=Limits)
    gather: str = "mean"
    calibration: Path | None = None
    batches: int = 8
    recalibrate: bool = True
    pictures: int = 8
    norm: str | None = None
    norm_cost: float = 0.1

    def __post_init__(self) -> None:
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("importance", self.importance, IMPORTANCES)
        if self.norm is not None:
            check_choice("norm", self.norm, NORM_CHOICES)
        if not self.norm_cost >= 0:
            raise ConfigError(f"`norm_cost` is a share of the MSE and must be at least 0, got {self.norm_cost}.")
        if not 0 <= self.ratio < 1:
            raise ConfigError(f"`ratio` is the share of channels to remove and must lie in [0, 1), got {self.ratio}.")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"`threshold` must lie in (0, 1], got {self.threshold}; filters below it may go.")
        for name in ("batches", "pictures"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1, got {getattr(self, name)}.")
        if self.strategy == "budget" and self.target is None:
            raise ConfigError("The strategy `budget` needs a target, such as --target macs=3.0G.")
        if self.strategy == "original" and self.target is not None:
            raise ConfigError(
                "The strategy `original` goes by --ratio and --threshold, not by a target. Use --strategy budget, "
                "uniform, global or sensitivity with --target."
            )
