"""Which runtime opens which files: each module `*_runtime.py` of this package registers its own opener.

    @register_runtime(ModelFormat(".toy", "toy"))
    def open_toy(path: Path, options: RuntimeOptions) -> tuple[Predictor, Contract]: ...

These modules import the package that does the work when they open a file, not before.
"""

import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pathlib import Path

from ..common.errors import ModelError
from ..model_file.contract import Contract
from ..model_file.formats import ModelFormat, register_format
from .base import Predictor
from .options import RuntimeOptions

Opener = Callable[[Path, RuntimeOptions], tuple[Predictor, Contract]]
_OPENERS: dict[str, Opener] = {}
_MODULES_END = "_runtime"


def register_runtime(*formats: ModelFormat) -> Callable[[Opener], Opener]:
    """Decorator: let this function open files of these formats; a format that is new is made known."""

    def register(opener: Opener) -> Opener:
        for form in formats:
            register_format(form)
            _OPENERS[form.suffix] = opener
        return opener

    return register


def opener_of(path: Path) -> Opener:
    """What opens the file, by its suffix; ModelError for a suffix that no runtime registered."""
    _import_runtimes()
    if path.suffix not in _OPENERS:
        raise ModelError(f"'{path}' is no model file: known are {', '.join(sorted(_OPENERS))}.")
    return _OPENERS[path.suffix]


@cache
def _import_runtimes() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.endswith(_MODULES_END):
            import_module(f".{module.name}", __package__)
