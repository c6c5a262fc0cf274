"""ModelCompression's rule: a threshold where the network sees far, a fixed ratio elsewhere."""

from typing import TYPE_CHECKING

import numpy as np

from ..importances.l1 import filter_l1
from ..plan import fixed_count
from ..setting import Setting
from .registry import Decision, Strategy, Task, register

if TYPE_CHECKING:
    from ..groups import Group

# Which rule of the original's acts on a part: the threshold on the parts that see far, the ratio on all others.
THRESHOLD_PARTS = ("backbone", "lr")


def adaptive_count(scores: np.ndarray, threshold: float) -> int:
    """The original's count for one layer: filters whose min-max normalised score reaches the threshold, plus one.

    The count is rounded to the nearest multiple of 8 (halves up, at least 8; 8 more where that lost over 10 %).
    Scores, float64 [filters], that are all equal tell nothing apart: 1, as the original has it.

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


def original(setting: Setting, ratio: float, threshold: float) -> np.ndarray:
    """Channels to keep, int [groups], by normalised L1 where the network sees far, by a fixed ratio elsewhere.

    The original counts each layer by itself and then cannot keep its weights. Here layers that must go together do:
    a group keeps the largest of its layers' counts.
    """

    def count(group: "Group") -> int:
        if group.part not in THRESHOLD_PARTS:
            return fixed_count(len(group), ratio)
        filters = setting.channels.filters
        layers = [filter_l1(setting.weights[filters[layer].parameter]) for layer in group.layers]
        return max(adaptive_count(scores, threshold) for scores in layers)

    return np.array([count(group) for group in setting.channels.groups])


def _decide(task: Task) -> Decision:
    counts = original(task.setting, task.ratio, task.threshold)
    return counts, {"ratio": task.ratio, "threshold": task.threshold}


register(Strategy("original", "ModelCompression's rule", _decide, frozenset({"ratio", "threshold"})))
