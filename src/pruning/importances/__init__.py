"""How much each channel matters: one score a channel, comparable between the layers and groups of a network.

Start with `registry.py`, then `l1.py`. Every file of this folder is imported here, so a new importance is one new file
that registers itself. The command line asks the registry for names before MindSpore may be imported: the files import
it inside functions. They import what `src.pruning` may.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import Importance, Subject, find_importance, importance_names, importances, register

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["Importance", "Subject", "find_importance", "importance_names", "importances", "register"]
