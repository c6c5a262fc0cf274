"""Prune until a network costs no more than asked: one ratio for a rule, or a ratio of its own for each part."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import numpy as np

from ..common.errors import ConfigError
from ..common.log import logger
from .plan import fixed_count
from .setting import Setting
from .target import Measure, Target

RatioRule = Callable[[Setting, float], np.ndarray]  # (setting, share to remove) -> channels to keep, int [groups]
LEVELS = 32  # steps of each part's ratio
_HALVINGS = 20


def search_ratio(setting: Setting, rule: RatioRule, target: Target, measure: Measure) -> tuple[np.ndarray, float]:
    """The smallest ratio at which a rule meets the target: channels to keep, int [groups], and that ratio.

    Raises ConfigError where the network meets the target as it is, or no ratio does.
    """
    _check(setting, target, measure)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if measure(setting.keep(rule(setting, middle))) <= target.value:
            high = middle
        else:
            low = middle
    counts = rule(setting, high)
    if measure(setting.keep(counts)) > target.value:
        raise _unreachable(target, measure(setting.keep(counts)))
    _warn_of_ends(setting, counts)
    return counts, high


def by_part(setting: Setting, target: Target, measure: Measure) -> tuple[np.ndarray, dict[str, float]]:
    """A ratio for each part, and what the budget leaves to single groups: channels to keep, int [groups].

    From the whole network on, the part is narrowed next in which a step costs least: importance lost per cost
    saved. A group that keeps a share s of its scores' sum has lost 1/s - 1, the variance of a sum over channels that
    is estimated from a sample of them. The last step is shortened until the target is just met. What coarse widths
    then leave of the budget goes to single groups, see `widened`.

    Returns:
        The counts, and the share of each part's channels that goes.

    Raises:
        ConfigError: the network meets the target as it is, or no widths within the limits do.
    """
    _check(setting, target, measure)
    search = _RatioSearch(setting, measure)
    while search.cost > target.value:
        steps = {part: step for part in search.ratios if (step := search.next_step(part)) is not None}
        if not steps:
            raise _unreachable(target, search.cost)
        part = min(steps, key=lambda name: search.price(name, steps[name]))
        before = search.ratios[part]
        search.set(part, steps[part])
        if search.cost <= target.value:
            search.shorten(part, before, target.value)
    _warn_of_ends(setting, search.counts(search.ratios))
    counts = widened(setting, search.counts(search.ratios), target, measure)
    kept, parts = setting.channels.group_sizes(setting.keep(counts)), [g.part for g in setting.channels.groups]
    members = {part: np.array([part == other for other in parts]) for part in search.ratios}
    return counts, {part: float(1 - kept[own].sum() / setting.sizes[own].sum()) for part, own in members.items()}


def widened(setting: Setting, counts: np.ndarray, target: Target, measure: Measure) -> np.ndarray:
    """Counts, int [groups], with single groups one multiple wider as long as the target is met.

    The group goes first that wins most importance for its cost. A price is looked up again only when it comes first,
    since the others only rise: each widening makes that of the layers behind it dearer.
    """
    counts = setting.limits.apply(counts, setting.sizes)
    cost, loss = _cost_and_loss(setting, counts, measure)
    queue = [(-np.inf, g) for g in range(len(counts)) if counts[g] < len(setting.channels.groups[g])]
    heapify(queue)
    while queue:
        _, g = heappop(queue)
        wider = counts.copy()
        wider[g] += setting.limits.multiple
        wider_cost, wider_loss = _cost_and_loss(setting, wider, measure)
        if wider_cost > target.value or wider_loss > loss:
            continue  # nor will it fit later
        gain = (loss - wider_loss) / max(wider_cost - cost, 1e-9)
        if not queue or gain >= -queue[0][0]:
            counts, cost, loss = wider, wider_cost, wider_loss
        if counts[g] < len(setting.channels.groups[g]):
            heappush(queue, (-gain, g))
    return counts


class _RatioSearch:
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
        return _cost_and_loss(self.setting, self.counts(ratios), self.measure)


def _cost_and_loss(setting: Setting, counts: np.ndarray, measure: Measure) -> tuple[float, float]:
    """What the network costs that some counts leave, and the importance that is lost with them."""
    keep, scores = setting.keep(counts), setting.scores
    kept = scores * keep
    shares = [kept[group.channels].sum() / scores[group.channels].sum() for group in setting.channels.groups]
    return measure(keep), float((1 / np.maximum(shares, 1e-6) - 1).sum())


def _warn_of_ends(setting: Setting, counts: np.ndarray) -> None:
    """Name the parts of which every group was narrowed to the least width that the limits allow."""
    sizes, least = setting.sizes, setting.channels.group_sizes(setting.keep(np.zeros_like(setting.sizes)))
    kept, groups = setting.channels.group_sizes(setting.keep(counts)), setting.channels.groups
    more = {group.part for group, n, m, size in zip(groups, kept, least, sizes, strict=True) if n > m or n == size}
    for part in dict.fromkeys(group.part for group in groups if group.part not in more):
        logger.warning(
            "the part `%s` is as narrow as --min_channels %d and --multiple %d allow: what else the target asks was "
            "taken from the other parts. A larger target or a smaller --multiple spares them.",
            part, setting.limits.min_channels, setting.limits.multiple,
        )  # fmt: skip


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
