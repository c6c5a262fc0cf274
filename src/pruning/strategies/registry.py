"""What a strategy has to say of itself, and the registry of those that are known."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...common.checks import check_choice
from ...common.errors import ConfigError
from ..budget import RatioRule, search_ratio
from ..setting import Setting
from ..target import Measure, Target

if TYPE_CHECKING:
    from mindspore import nn

# What a strategy may take from the user, by the field of `PruneOptions`; `images` are validation images to score.
TAKEN = ("ratio", "threshold", "target", "gather", "images")
Decision = tuple[np.ndarray, dict[str, Any]]  # channels to keep, int [groups], and the numbers behind them by name


@dataclass(frozen=True)
class Task:
    """What a strategy gets.

    Attributes:
        network: the network about to be pruned; a strategy leaves it as it is.
        setting: its channels with their scores, and the limits.
        ratio: share of channels to remove, in [0, 1).
        threshold: of normalised scores, in (0, 1].
        target: upper bound of a cost; None where the ratio counts.
        measure: (target) -> what plans cost, in the target's unit.
        score: (network) -> its MSE on validation images; for a strategy that takes `images` alone.
        output: folder for tables.
    """

    network: "nn.Cell"
    setting: Setting
    ratio: float
    threshold: float
    target: Target | None
    measure: Callable[[Target], Measure]
    score: Callable[["nn.Cell"], float]
    output: Path

    @property
    def expected_target(self) -> Target:
        """The target, for a strategy that cannot do without one; ConfigError where there is none."""
        if self.target is None:
            raise ConfigError("The strategy needs a target, such as --target macs=3.0G.")
        return self.target

    def meet(self, rule: RatioRule, target: Target) -> Decision:
        """The smallest strength at which a rule meets the target."""
        counts, strength = search_ratio(self.setting, rule, target, self.measure(target))
        return counts, {"target": target.format(target.value), "strength": round(strength, 4)}


@dataclass(frozen=True)
class Strategy:
    """A way to find how many channels each group keeps.

    Attributes:
        name: on the command line.
        summary: a few words for --help.
        decide: (task) -> the decision.
        takes: what it looks at, of `TAKEN`. With `target` and without `ratio` it cannot do without a target.
    """

    name: str
    summary: str
    decide: Callable[[Task], Decision]
    takes: frozenset[str]

    @property
    def needs_target(self) -> bool:
        """Whether it cannot do without a target."""
        return "target" in self.takes and "ratio" not in self.takes


_STRATEGIES: dict[str, Strategy] = {}


def register(strategy: Strategy) -> Strategy:
    """Make a strategy known by its name.

    Raises:
        ConfigError: the name is taken by another one, or it takes what no user can give.
    """
    for name in sorted(strategy.takes):
        check_choice("takes", name, TAKEN)
    if _STRATEGIES.setdefault(strategy.name, strategy) is not strategy:
        raise ConfigError(f"There is a strategy `{strategy.name}` already. Give yours another name.")
    return strategy


def strategies() -> tuple[Strategy, ...]:
    """All known strategies, in the order of their registration."""
    return tuple(_STRATEGIES.values())


def strategy_names(taking: str | None = None) -> tuple[str, ...]:
    """Names of all known strategies, as the command line takes them; or of those that take something."""
    return tuple(name for name, strategy in _STRATEGIES.items() if taking is None or taking in strategy.takes)


def find_strategy(name: str) -> Strategy:
    """The strategy of that name; ConfigError with the nearest name where there is none."""
    check_choice("strategy", name, strategy_names())
    return _STRATEGIES[name]


def by_ratio(rule: RatioRule) -> Callable[[Task], Decision]:
    """A strategy's `decide` by a rule alone: at the user's ratio, or at the smallest that meets the target."""

    def decide(task: Task) -> Decision:
        if task.target is not None:
            return task.meet(rule, task.target)
        return rule(task.setting, task.ratio), {"ratio": task.ratio}

    return decide
