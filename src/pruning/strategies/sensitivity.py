"""Every group narrowed until it does the same harm to the score."""

from ..target import Target
from .registry import Decision, Strategy, Task, register


def _decide(task: Task) -> Decision:
    """Leaves the table of trials as sensitivity.csv and sensitivity.png."""
    from ..sensitivity import measure_sensitivity

    table = measure_sensitivity(task.network, task.setting, lambda: task.score(task.network))
    table.save(task.output / "sensitivity.csv")
    table.draw(task.output / "sensitivity.png")
    target = task.target or Target("channels", (1 - task.ratio) * task.setting.sizes.sum())
    return task.meet(table.allot, target)


register(Strategy("sensitivity", "the same harm by every group", _decide, frozenset({"ratio", "target", "images"})))
