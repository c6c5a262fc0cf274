"""Which tools make quantised files: each module `*_int8.py` of this package registers its own backend.

    @register_backend("toy", ".toy", colour=Choice(("red", "blue"), "red"))
    class ToyInt8: ...  # see `Int8`

These modules import the package that does the work when they write a file, not before.
"""

import pkgutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

from ..common.checks import check_choice
from ..model_file.contract import Contract
from ..runtime.options import not_installed

if TYPE_CHECKING:
    from .options import Variant
    from .source import Source

_MODULES_END = "_int8"


class Int8(Protocol):
    """Writes int8 files of one source with any layers left in float.

    Attributes:
        layers: operators by layer, as `src.quant.layers.layers_of` finds them.
    """

    layers: dict[str, list[str]]

    @property
    def note(self) -> dict[str, str]:
        """The tool and its settings, for the file's contract."""

    def write(self, path: Path, contract: Contract, keep_float: Collection[str]) -> None:
        """Quantise all layers but `keep_float` into `path`."""


Int8Maker = Callable[["Source", "Variant", list[np.ndarray]], Int8]


@dataclass(frozen=True)
class Choice:
    """An option of one backend's int8: its values, and what is taken for None, as a help text says it."""

    values: tuple[str, ...]
    default: str


@dataclass(frozen=True)
class Backend:
    """A runtime that quantised files are for.

    Attributes:
        name: of the runtime, as `type` and `--backend` say it.
        suffix: of the file to open.
        int8: makes the int8 writer of a source, a variant and calibration inputs.
        choices: options of its int8, by the names of `Variant`'s fields.
        bf16: whether it computes in bf16.
        needs: packages that its int8 imports.
    """

    name: str
    suffix: str
    int8: Int8Maker
    choices: Mapping[str, Choice]
    bf16: bool
    needs: tuple[str, ...] = ()

    def check_installed(self) -> None:
        """DeviceError where a package that int8 needs is missing."""
        for package in self.needs:
            if find_spec(package) is None:
                raise not_installed(package, ImportError(f"No module named '{package}'"))


_BACKENDS: dict[str, Backend] = {}


_Maker = TypeVar("_Maker", bound=Int8Maker)


def register_backend(
    name: str, suffix: str, *, bf16: bool = False, needs: tuple[str, ...] = (), **choices: Choice
) -> Callable[[_Maker], _Maker]:
    """Decorator: let this class, or function, make int8 files for a runtime; see `Backend`."""

    def register(maker: _Maker) -> _Maker:
        _BACKENDS[name] = Backend(name, suffix, maker, choices, bf16, needs)
        return maker

    return register


def known_backends() -> list[Backend]:
    """All backends."""
    _import_backends()
    return list(_BACKENDS.values())


def find_backend(name: str) -> Backend:
    """The backend of a runtime; ConfigError for an unknown one."""
    known = {backend.name: backend for backend in known_backends()}
    check_choice("type", name, tuple(known))
    return known[name]


@cache
def _import_backends() -> None:
    for module in pkgutil.iter_modules([str(Path(__file__).parent)]):
        if module.name.endswith(_MODULES_END):
            import_module(f".{module.name}", __package__)
