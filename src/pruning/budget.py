"""Prune until a network costs no more than asked: one strength for a strategy, or a ratio of its own for each part."""

import numpy as np

from src.errors import ConfigError
from src.pruning.measure import Measure, Target
from src.pruning.strategies import Setting, Strategy, fixed_count

LEVELS = 32  # steps of each part's ratio
_HALVINGS = 20


def meet(setting: Setting, strategy: Strategy, target: Target, measure: Measure) -> tuple[np.ndarray, float]:
    """The smallest ratio at which a strategy meets the target: channels to keep, int [groups], and that ratio.

    Raises ConfigError where the network meets the target as it is, or no ratio does.
    """
    _check(setting, target, measure)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if measure(setting.keep(strategy(setting, middle))) <= target.value:
            high = middle
        else:
            low = middle
    counts = strategy(setting, high)
    if measure(setting.keep(counts)) > target.value:
        raise _unreachable(target, measure(setting.keep(counts)))
    return counts, high


def by_part(setting: Setting, target: Target, measure: Measure) -> tuple[np.ndarray, dict[str, float]]:
    """A ratio for each part: channels to keep, int [groups], and the ratios.

    From the whole network on, the part is narrowed next in which a step costs least: importance lost per cost
    saved. A group that keeps a share s of its scores' sum has lost 1/s - 1, the variance of a sum over channels that
    is estimated from a sample of them. The last step is shortened until the target is just met.
    """
    _check(setting, target, measure)
    search = _Search(setting, measure)
    while search.cost > target.value:
        steps = {part: step for part in search.ratios if (step := search.next_step(part)) is not None}
        if not steps:
            raise _unreachable(target, search.cost)
        part = min(steps, key=lambda name: search.price(name, steps[name]))
        before = search.ratios[part]
        search.set(part, steps[part])
        if search.cost <= target.value:
            search.shorten(part, before, target.value)
    return search.counts(search.ratios), search.ratios


class _Search:
    """Ratios by part, with the cost of the network that they give."""

    def __init__(self, setting: Setting, measure: Measure) -> None:
        self.setting, self.measure = setting, measure
        self.ratios = dict.fromkeys((group.part for group in setting.channels.groups), 0.0)
        self.cost, self.loss = self._evaluate(self.ratios)

    def counts(self, ratios: dict[str, float]) -> np.ndarray:
        return np.array([fixed_count(len(group), ratios[group.part]) for group in self.setting.channels.groups])

    def next_step(self, part: str) -> float | None:
        """The next higher ratio of a part that lowers the cost; None at its end."""
        for level in range(int(self.ratios[part] * LEVELS) + 1, LEVELS + 1):
            if self._evaluate(self.ratios | {part: level / LEVELS})[0] < self.cost:
                return level / LEVELS
        return None

    def price(self, part: str, ratio: float) -> float:
        """Importance lost for each unit of cost saved."""
        cost, loss = self._evaluate(self.ratios | {part: ratio})
        return (loss - self.loss) / (self.cost - cost)

    def set(self, part: str, ratio: float) -> None:
        self.ratios = self.ratios | {part: ratio}
        self.cost, self.loss = self._evaluate(self.ratios)

    def shorten(self, part: str, low: float, most: float) -> None:
        """Bring a part's ratio down towards `low` as far as the cost stays at most `most`."""
        high = self.ratios[part]
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            if self._evaluate(self.ratios | {part: middle})[0] <= most:
                high = middle
            else:
                low = middle
        self.set(part, high)

    def _evaluate(self, ratios: dict[str, float]) -> tuple[float, float]:
        keep, scores = self.setting.keep(self.counts(ratios)), self.setting.scores
        shares = [(scores * keep)[g.channels].sum() / scores[g.channels].sum() for g in self.setting.channels.groups]
        return self.measure(keep), float((1 / np.maximum(shares, 1e-6) - 1).sum())


def _check(setting: Setting, target: Target, measure: Measure) -> None:
    now = measure(np.ones(setting.channels.count, bool))
    if now <= target.value:
        raise ConfigError(
            f"The network already needs only {target.format(now)}, no more than the target of "
            f"{target.format(target.value)}. Give a smaller one."
        )


def _unreachable(target: Target, nearest: float) -> ConfigError:
    return ConfigError(
        f"The target of {target.format(target.value)} cannot be met: the narrowest network within --min_channels and "
        f"--multiple needs {target.format(nearest)}. Ask for at least that, or lower these."
    )
