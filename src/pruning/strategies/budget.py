"""A ratio of its own for each part of the network, such that a target is just met."""

from .. import budget
from .registry import Decision, Strategy, Task, register


def _decide(task: Task) -> Decision:
    target = task.expected_target
    counts, ratios = budget.by_part(task.setting, target, task.measure(target))
    shares = {f"ratio_{part}": round(ratio, 4) for part, ratio in ratios.items()}
    return counts, {"target": target.format(target.value), **shares}


register(Strategy("budget", "each part as far as it pays", _decide, frozenset({"target"})))
