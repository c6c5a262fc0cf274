"""How many channels each group keeps: by a rule, by a ranking, by a budget, by measured harm.

Start with `registry.py`, then `uniform.py`. Every file of this folder is imported here, so a new strategy is one new
file that registers itself. The command line asks the registry for names before MindSpore may be imported: the files
import it inside functions. They import what `src.pruning` may.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import Strategy, Task, find_strategy, register, strategies, strategy_names

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["Strategy", "Task", "find_strategy", "register", "strategies", "strategy_names"]
