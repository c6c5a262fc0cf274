"""Optimisers, one file each, by the name that a configuration gives: every file of this folder is imported here.

Start with `sgd.py`. A new optimiser is one file with a function that `register` makes known.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import build_optimizer, find_optimiser, register

for _module in iter_modules(__path__):
    import_module(f".{_module.name}", __name__)

__all__ = ["build_optimizer", "find_optimiser", "register"]
