"""What prune.py was asked for, checked."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.checks import check_choice
from ..common.errors import ConfigError
from .importance import GATHERINGS, IMPORTANCES
from .measure import Target
from .plan import Limits

NORM_CHOICES = ("auto", "batch", "ib")
STRATEGIES = ("original", "uniform", "global", "budget", "sensitivity")
# Values of what was not given. An option that was is refused where nothing looks at it.
DEFAULTS: dict[str, Any] = {
    "ratio": 0.5, "threshold": 0.5, "gather": "mean", "batches": 8, "pictures": 8, "norm_cost": 0.1,
}  # fmt: skip


@dataclass(frozen=True)
class PruneOptions:
    """
    Attributes:
        ratio: share of channels to remove (original: in the high-resolution and fusion branches).
        threshold: of the normalised L1 (original: in the encoder and the low-resolution branch).
        target: upper bound of a cost instead of a ratio; not for "original".
        gather: "mean" or "sum" of a channel's scores over the layers that make it; for "global", since only there
            do channels of different groups compete.
        calibration: folder of images for the batch norms' statistics; None takes the training set's, if there is one.
        batches: so many batches for these and for Taylor importance.
        recalibrate: renew the batch norms' statistics where images are given.
        images: so many validation images for the sensitivity and for the choice of norms.
        norm: "ib": instance norms stay; "batch": all become batch norms; "auto": those whose harm is worth it.
        norm_cost: share by which "auto" lets the MSE rise before any retraining.
        compatible: keep to widths that ModelCompression's side file can tell.
    """

    strategy: str = "original"
    importance: str = "l1"
    ratio: float | None = None
    threshold: float | None = None
    target: Target | None = None
    limits: Limits = field(default_factory=Limits)
    gather: str | None = None
    calibration: Path | None = None
    batches: int | None = None
    recalibrate: bool = True
    pictures: int | None = None
    norm: str = "ib"
    norm_cost: float | None = None
    compatible: bool = False

    def __post_init__(self) -> None:
        given = [name for name in DEFAULTS if getattr(self, name) is not None]
        for name in DEFAULTS.keys() - given:
            object.__setattr__(self, name, DEFAULTS[name])
        self._check_values()
        if self.strategy == "budget" and self.target is None:
            raise ConfigError("The strategy `budget` needs a target, such as --target macs=3.0G.")
        if self.strategy == "original" and self.target is not None:
            raise ConfigError(
                "The strategy `original` goes by --ratio and --threshold, not by a target. Use --strategy budget, "
                "uniform, global or sensitivity with --target."
            )
        if self.compatible and self.norm != "ib":
            raise ConfigError(
                f"ModelCompression's networks have IBNorm: --compatible cannot go with --norm {self.norm}."
            )
        for name, (option, used, user) in self._users().items():
            if name in given and not used:
                raise ConfigError(f"--{option} would change nothing: only {user} would look at it. Leave it out.")
        if self.calibration is not None and not (self.recalibrate or self.norm != "ib"):
            raise ConfigError("--calibration gives images to renew norms with, --no_recalibration forbids it.")

    def _check_values(self) -> None:
        check_choice("strategy", self.strategy, STRATEGIES)
        check_choice("importance", self.importance, IMPORTANCES)
        check_choice("norm", self.norm, NORM_CHOICES)
        check_choice("group_score", self.gather, GATHERINGS)
        if not self.norm_cost >= 0:
            raise ConfigError(f"`norm_cost` is a share of the MSE and must be at least 0, got {self.norm_cost}.")
        if not 0 <= self.ratio < 1:
            raise ConfigError(f"`ratio` is the share of channels to remove and must lie in [0, 1), got {self.ratio}.")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"`threshold` must lie in (0, 1], got {self.threshold}; filters below it may go.")
        for name in ("batches", "pictures"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1, got {getattr(self, name)}.")

    def _users(self) -> dict[str, tuple[str, bool, str]]:
        """For each of `DEFAULTS` its option, whether anything looks at it here, and what would."""
        auto, sensitivity = self.norm == "auto", self.strategy == "sensitivity"
        batches = self.recalibrate or self.importance == "taylor" or self.norm != "ib"
        return {
            "ratio": ("ratio", self.target is None, "a strategy without --target"),
            "threshold": ("threshold", self.strategy == "original", "the strategy `original`"),
            "gather": ("group_score", self.strategy == "global", "the strategy `global`"),
            "batches": ("calibration_batches", batches, "recalibration, --importance taylor or --norm batch|auto"),
            "pictures": ("sensitivity_pictures", auto or sensitivity, "the strategy `sensitivity` or --norm auto"),
            "norm_cost": ("norm_cost", auto, "--norm auto"),
        }
