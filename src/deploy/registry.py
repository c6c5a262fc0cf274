"""Which formats export can write: each module of `targets` registers its own.

    @register_target("ONNX", ".onnx")
    def write_onnx(job: ExportJob, path: Path) -> None: ...

These modules import the package that does the work when they write a file, not before.
"""

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..common.errors import ConfigError
from ..model_file.contract import Contract
from . import targets
from .options import OPSET, ExportOptions

if TYPE_CHECKING:
    from ..runtime.mindspore_runtime import MindSporePredictor


@dataclass(frozen=True)
class ExportJob:
    """What a target's writer gets."""

    checkpoint: Path
    network: "MindSporePredictor"
    contract: Contract
    options: ExportOptions


Writer = Callable[[ExportJob, Path], None]
Check = Callable[[ExportOptions], None]


def accept(options: ExportOptions) -> None:
    """The check of a target that has all options."""


def only_own_operators(options: ExportOptions) -> None:
    """The check of a target that is not ONNX: ConfigError for an opset."""
    if options.opset != OPSET:
        raise ConfigError(f"--opset {options.opset} is for ONNX files: leave it out, or use --file_format ONNX.")


@dataclass(frozen=True)
class ExportTarget:
    """A format and how it is written.

    Attributes:
        name: what `--file_format` calls it.
        suffixes: of the files that it makes, the one to open first; one empty suffix for a folder.
        write: writes the files; the path is that of the first, or of the folder to make.
        check: raises ConfigError for options that it does not have.
        opens: of a folder, the file inside to open; empty for a target that makes files.
        mark: what names of its files end with, where another format has the same suffix.
        portable: it is made of MindSpore's own operators, so the comparison has to run on them too.
    """

    name: str
    suffixes: tuple[str, ...]
    write: Writer
    check: Check = accept
    portable: bool = False
    mark: str = ""
    opens: str = ""

    @property
    def made(self) -> str:
        """What it makes, for people."""
        return "a folder" if self.opens else " and ".join(self.suffixes)


_TARGETS: dict[str, ExportTarget] = {}
# Formats of MindSpore's model zoo that are made elsewhere, and how.
_ELSEWHERE = {"AIR": "AIR is made on an Ascend host: export MINDIR and convert it there."}


def register_target(
    name: str, *suffixes: str, check: Check = accept, portable: bool = False, mark: str = "", opens: str = ""
) -> Callable[[Writer], Writer]:
    """Decorator: let this function write a format; see `ExportTarget`."""

    def register(write: Writer) -> Writer:
        _TARGETS[name] = ExportTarget(name, suffixes, write, check, portable, mark, opens)
        return write

    return register


def known_targets() -> list[ExportTarget]:
    """All targets, by name."""
    _import_targets()
    return [_TARGETS[name] for name in sorted(_TARGETS)]


def find_target(name: str) -> ExportTarget:
    """The target of a format; ConfigError that says what to do about others of MindSpore's model zoo."""
    known = {target.name: target for target in known_targets()}
    if name in known:
        return known[name]
    hint = f" {_ELSEWHERE[name]}" if name in _ELSEWHERE else ""
    raise ConfigError(f"`file_format` must be one of {', '.join(known)}, got {name!r}.{hint}")


@cache
def _import_targets() -> None:
    for module in pkgutil.iter_modules(targets.__path__):
        import_module(f".{module.name}", targets.__name__)
