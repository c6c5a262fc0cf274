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
from ..model_file.formats import ModelFormat, format_of, known_formats, register_format
from .base import Predictor
from .options import RuntimeOptions

Opener = Callable[[Path, RuntimeOptions], tuple[Predictor, Contract]]
_OPENERS: dict[tuple[str, str], Opener] = {}  # by suffix and package
_MODULES_END = "_runtime"


def register_runtime(*formats: ModelFormat, package: str | None = None) -> Callable[[Opener], Opener]:
    """Decorator: let this function open files of these formats; a format that is new is made known.

    Args:
        formats: the formats.
        package: the runtime's package; None is each format's own. Otherwise it stands among the format's `others`.
    """

    def register(opener: Opener) -> Opener:
        for form in formats:
            register_format(form)
            _OPENERS[form.suffix, package or form.package] = opener
        return opener

    return register


def opener_of(path: Path, precision: str = "f32", by_name: bool = False) -> Opener:
    """What opens the file; see `ModelFormat.opened_by`. ModelError for a suffix that no runtime registered."""
    _import_runtimes()
    form = format_of(path)
    if form is None:
        raise ModelError(f"'{path}' is no model file: known are {', '.join(sorted(known_formats()))}.")
    return _OPENERS[form.suffix, form.opened_by(precision, by_name)]


@cache
def _import_runtimes() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.endswith(_MODULES_END):
            import_module(f".{module.name}", __package__)
