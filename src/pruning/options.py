"""What prune.py was asked for, checked; and its flags."""

import argparse
from dataclasses import dataclass, field
from pathlib import Path

from ..common.checks import check_choice
from ..common.cli import parse_finite, parse_truth, parse_whole
from ..common.errors import ConfigError
from ..config.config import Config, load_config
from ..config.options import add_arguments as add_configuration
from .importances import find_importance, importances
from .importances.gathering import GATHERINGS
from .plan import Limits
from .strategies import find_strategy, strategies, strategy_names
from .target import Target

NORM_CHOICES = ("auto", "batch", "ib")
_CONFIGURED = ("ckpt_path", "output_path", "device_target", "device_id", "seed")  # keys of `Config` that are flags too
_TEXTS = {"ckpt_path": "the network to prune: a checkpoint, a released model's name or a PyTorch file"}
# Fields of `PruneOptions` that may be left out, and their flags. A flag that is given is refused where nothing looks
# at its value.
_FLAGS = {
    "ratio": "ratio", "threshold": "threshold", "gather": "group_score", "batches": "calibration_batches",
    "images": "sensitivity_images", "norm_cost": "norm_cost",
}  # fmt: skip


@dataclass(frozen=True)
class PruneOptions:
    """How a network is pruned.

    Attributes:
        strategy: what decides how many channels each group keeps, by its name.
        importance: what decides which ones, by its name.
        ratio: share of channels to remove (original: in the high-resolution and fusion branches).
        threshold: of the normalised L1 (original: in the encoder and the low-resolution branch).
        target: upper bound of a cost instead of a ratio; not for "original".
        limits: bounds of every group's width.
        gather: "mean" or "sum" of a channel's scores over the layers that make it; for "global", since only there
            do channels of different groups compete.
        calibration: folder of images for the batch norms' statistics; None takes the training set's, if there is one.
        batches: so many batches for these and for an importance that needs alphas.
        recalibrate: renew the batch norms' statistics where images are given.
        images: so many validation images for the sensitivity and for the choice of norms.
        norm: "ib": instance norms stay; "batch": all become batch norms; "auto": those whose harm is worth it.
        norm_cost: share by which "auto" lets the MSE rise before any retraining.
        compatible: keep to widths that ModelCompression's side file can tell.
        weight_replace: the narrow network has the kept channels' weights; else new ones, to train it from scratch.
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
    images: int = 8
    norm: str = "ib"
    norm_cost: float = 0.1
    compatible: bool = False
    weight_replace: bool = True

    def __post_init__(self) -> None:
        self._check_values()
        self._check_target()
        if self.compatible and self.replaces_norms:
            raise ConfigError(
                f"ModelCompression's networks have IBNorm: --compatible cannot go with --norm {self.norm}."
            )
        if self.calibration is not None and not self.weight_replace:
            raise ConfigError("--calibration renews norms of kept weights; --weight_replace False keeps none. "
                              "Leave one of them out.")  # fmt: skip
        if self.calibration is not None and not (self.recalibrate or self.replaces_norms):
            raise ConfigError("--calibration gives images to renew norms with, --no_recalibration forbids it.")

    @property
    def replaces_norms(self) -> bool:
        """Whether instance norms may become batch norms."""
        return self.norm != "ib"

    def _check_values(self) -> None:
        find_strategy(self.strategy)
        find_importance(self.importance)
        check_choice("norm", self.norm, NORM_CHOICES)
        check_choice("group_score", self.gather, GATHERINGS)
        if not self.norm_cost >= 0:
            raise ConfigError(f"`norm_cost` is a share of the MSE and must be at least 0, got {self.norm_cost}.")
        if not 0 <= self.ratio < 1:
            raise ConfigError(f"`ratio` is the share of channels to remove and must lie in [0, 1), got {self.ratio}.")
        if not 0 < self.threshold <= 1:
            raise ConfigError(f"`threshold` must lie in (0, 1], got {self.threshold}; filters below it may go.")
        for name in ("batches", "images"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{_FLAGS[name]}` must be at least 1, got {getattr(self, name)}.")

    def _check_target(self) -> None:
        strategy = find_strategy(self.strategy)
        if strategy.needs_target and self.target is None:
            raise ConfigError(f"The strategy `{self.strategy}` needs a target, such as --target macs=3.0G.")
        if self.target is not None and "target" not in strategy.takes:
            own = " and ".join(f"--{_FLAGS[name]}" for name in sorted(strategy.takes & _FLAGS.keys()))
            raise ConfigError(
                f"The strategy `{self.strategy}` goes by {own}, not by a target. "
                f"Use --strategy {_either(*strategy_names('target'))} with --target."
            )

    def _readers(self) -> dict[str, tuple[bool, str]]:
        """For each field of `_FLAGS` whether anything looks at it here, and what would."""
        takes, auto = find_strategy(self.strategy).takes, self.norm == "auto"
        batches = self.recalibrate or find_importance(self.importance).labelled or self.replaces_norms
        labelled = "|".join(one.name for one in importances() if one.labelled)
        return {
            "ratio": ("ratio" in takes and self.target is None, "a strategy without --target"),
            "threshold": ("threshold" in takes, _strategies("threshold")),
            "gather": ("gather" in takes, _strategies("gather")),
            "batches": (batches, f"recalibration, --importance {labelled} or --norm batch|auto"),
            "images": ("images" in takes or auto, _strategies("images", "--norm auto")),
            "norm_cost": (auto, "--norm auto"),
        }


def _strategies(taking: str, *others: str) -> str:
    """'the strategy `a`', 'the strategies `a`, `b` or --norm auto'."""
    names = [f"`{name}`" for name in strategy_names(taking)]
    return f"the {'strategy' if len(names) == 1 else 'strategies'} {_either(*names, *others)}"


def _either(*names: str) -> str:
    """'a', 'a or b', 'a, b or c'."""
    return " or ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --config, the flags of the checkpoint, the folder and the device, and those of `PruneOptions`."""
    add_configuration(parser, _CONFIGURED, _TEXTS)
    known = {kind: "; ".join(f"{one.name}: {one.summary}" for one in entries())
             for kind, entries in (("strategy", strategies), ("importance", importances))}  # fmt: skip
    add = parser.add_argument
    add("--strategy", default="original", help=f"how many channels go. {known['strategy']} (default: original)")
    add("--importance", default="l1", help=f"which ones go. {known['importance']} (default: l1)")
    add("--ratio", type=parse_finite, help="share of channels to remove (original: in the branches) (default: 0.5)")
    add("--threshold", type=parse_finite, help="original: of normalised L1, in encoder and LR branch (default: 0.5)")
    add("--target", help="macs=3.0G@512x512, params=1.2M or latency=20ms@512x512, instead of a ratio; the size is "
        "height x width (default: 512x512)")  # fmt: skip
    add("--min_channels", type=parse_whole, default=1, help="every group keeps at least so many (default: 1)")
    add("--multiple", type=parse_whole, default=1, help="round widths to a multiple of this (default: 1)")
    add("--group_score", help="global: mean or sum of a channel's scores over its layers (default: mean)")
    add("--compatible", action="store_true", help="keep to widths that ModelCompression's JSON can tell (pruned.json)")
    add("--calibration", type=Path, help="folder of images to renew batch norms with (default: the training set)")
    add("--calibration_batches", type=parse_whole, help="how many batches of them (default: 8)")
    add("--no_recalibration", action="store_true", help="keep the batch norms' statistics")
    add(
        "--sensitivity_images",
        "--sensitivity_pictures",
        type=parse_whole,
        help="validation images a trial (default: 8)",
    )
    add("--norm", help="ib: instance norms stay (default); batch: they become batch norms; auto: where it pays "
        "(norms.csv)")  # fmt: skip
    add("--weight_replace", type=parse_truth, default=True, metavar="BOOL", help="False: only the widths are kept, and "
        "the weights are new, to train from scratch (default: True)")  # fmt: skip
    add("--verbose", type=parse_truth, default=True, metavar="BOOL", help="False: no line for each layer in the log; "
        "report.txt has them (default: True)")  # fmt: skip
    add("--save_dir", dest="output_path", default=argparse.SUPPRESS, help="as --output_path")
    add("--norm_cost", type=parse_finite, help="auto: share by which the MSE may rise untrained (default: 0.1)")


def config_from_args(args: argparse.Namespace) -> Config:
    """The configuration behind the options. Its own key `norm` is not --norm, which is what becomes of the norms."""
    return load_config(args.config, {key: value for key, value in vars(args).items() if key in _CONFIGURED})


def from_args(args: argparse.Namespace) -> PruneOptions:
    """The options that were given; ConfigError where one of them would change nothing."""
    given = {name: getattr(args, flag) for name, flag in _FLAGS.items() if getattr(args, flag) is not None}
    options = PruneOptions(
        strategy=args.strategy,
        importance=args.importance,
        target=Target.parse(args.target) if args.target else None,
        limits=Limits(args.min_channels, args.multiple),
        calibration=args.calibration,
        recalibrate=not args.no_recalibration,
        norm=args.norm or "ib",
        compatible=args.compatible,
        weight_replace=args.weight_replace,
        **given,
    )
    readers = options._readers()
    for name in given:
        used, reader = readers[name]
        if not used:
            raise ConfigError(f"--{_FLAGS[name]} would change nothing: only {reader} would look at it. Leave it out.")
    return options
