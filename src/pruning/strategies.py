"""How many channels each group keeps: the original's rule, uniform, and by a ranking over the whole network."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .groups import Channels, Group
from .importance import Weights, filter_l1
from .plan import Limits, select

# Which rule of the original's acts on a part: the threshold on the parts that see far, the ratio on all others.
THRESHOLD_PARTS = ("backbone", "lr")

Form = Callable[[Channels, np.ndarray, np.ndarray], np.ndarray]  # (channels, scores, counts) -> mask, as `select`


@dataclass(frozen=True)
class Setting:
    """A network about to be pruned.

    Attributes:
        scores: importance of every channel, see `src.pruning.importance`.
        form: what brings lawful counts to a form that the widths must have, as a mask; None: they need none.
    """

    channels: Channels
    weights: Weights
    scores: np.ndarray
    limits: Limits = field(default_factory=Limits)
    form: Form | None = None

    @property
    def sizes(self) -> np.ndarray:
        return np.array([len(group) for group in self.channels.groups])

    def keep(self, counts: np.ndarray) -> np.ndarray:
        """Mask of the best channels, with each group's count brought within the limits, and all to the form."""
        lawful = self.limits.apply(np.asarray(counts), self.sizes)
        return (self.form or select)(self.channels, self.scores, lawful)


Strategy = Callable[[Setting, float], np.ndarray]  # (setting, share to remove) -> channels to keep, int [groups]


def adaptive_count(scores: np.ndarray, threshold: float) -> int:
    """The original's count for one layer: filters whose min-max normalised score reaches the threshold, plus one.

    The count is rounded to the nearest multiple of 8 (halves up, at least 8; 8 more where that lost over 10 %).
    Scores that are all equal tell nothing apart: 1, as the original has it.

    Source: the rule of ModelCompression's pruner, restated from its outputs (benchmarks/reference/keepcounts.json).
    """
    ranked = np.sort(scores)[::-1]
    spread = ranked[0] - ranked[-1]
    if spread <= 0:
        return 1
    reached = (ranked - ranked[-1]) / spread >= threshold
    count = int(np.argmin(reached)) + 1
    return min(_to_eight(count / len(scores) * len(scores)), len(scores))


def _to_eight(count: float) -> int:
    rounded = max(8, int(count + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * count else rounded


def fixed_count(size: int, ratio: float) -> int:
    """What stays when a share `ratio` is removed, rounded down (but not because 0.9 has no exact float)."""
    return int((1 - ratio) * size + 1e-9)


def original(setting: Setting, ratio: float, threshold: float) -> np.ndarray:
    """Threshold by normalised L1 where the network sees far, a fixed ratio in the other branches.

    The original counts each layer by itself and then cannot keep its weights. Here layers that must go together do:
    a group keeps the largest of its layers' counts.
    """

    def count(group: Group) -> int:
        if group.part not in THRESHOLD_PARTS:
            return fixed_count(len(group), ratio)
        filters = setting.channels.filters
        layers = [filter_l1(setting.weights[filters[layer].parameter]) for layer in group.layers]
        return max(adaptive_count(scores, threshold) for scores in layers)

    return np.array([count(group) for group in setting.channels.groups])


def uniform(setting: Setting, ratio: float) -> np.ndarray:
    """The same share of every group."""
    return np.array([fixed_count(size, ratio) for size in setting.sizes])


def global_threshold(setting: Setting, ratio: float) -> np.ndarray:
    """The lowest scores of the whole network go, whichever groups they are in."""
    groups = setting.channels.groups
    scores = np.sort(np.concatenate([setting.scores[group.channels] for group in groups]))
    going = len(scores) - fixed_count(len(scores), ratio)
    if going == 0:
        return setting.sizes
    return np.array([int((setting.scores[group.channels] > scores[going - 1]).sum()) for group in groups])
