"""The table of transforms, and the chain that a configuration's list becomes."""

import importlib.util
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ...common.errors import ConfigError, MattingError
from ...common.text import nearest

Sample = dict[str, Any]


class Transform(Protocol):
    """A step from sample to sample; every random choice comes from `rng` and from nowhere else.

    A transform derives from this class, is a frozen dataclass whose fields are its parameters, and is registered.
    """

    @property
    def reads_alpha(self) -> bool:
        """Whether it cannot do without the sample's alpha; such a transform is refused for unlabelled images."""
        return False

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give a new sample; the arrays of the old one are not written to. See the package's docstring for fields."""
        ...


TransformClass = TypeVar("TransformClass", bound=type[Transform])
_REGISTRY: dict[str, type[Transform]] = {}


def register(kind: TransformClass) -> TransformClass:
    """Class decorator: make a transform known under its class name; its fields are its parameters.

    Raises:
        ConfigError: another transform has that name already, or the class does not derive from `Transform`.
    """
    name = kind.__name__
    if Transform not in kind.__mro__:
        raise ConfigError(f"Transform `{name}` must derive from `Transform`: write `class {name}(Transform)`.")
    known = _REGISTRY.get(name)
    if known is not None and known.__module__ != kind.__module__:
        raise ConfigError(
            f"Transform `{name}` of {kind.__module__} has the name of one in {known.__module__}. Give it another name."
        )
    _REGISTRY[name] = kind
    return kind


@dataclass(frozen=True)
class Compose:
    """Transforms one after another."""

    transforms: tuple[Transform, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        """Give what the last transform gives."""
        for transform in self.transforms:
            sample = transform(sample, rng)
        return sample


def build_transforms(specs: Sequence[Mapping[str, Any]]) -> Compose:
    """Build the chain of a configuration's `transforms` list.

    Args:
        specs: one mapping a transform: 'type' is its name, or 'FILE.py:Name' for one that a file of the user
            registers; the rest are its parameters.

    Raises:
        ConfigError: unknown transform or parameter (with the nearest name), or a value that cannot be.
    """
    return Compose(tuple(_build(spec, position) for position, spec in enumerate(specs, start=1)))


def _build(spec: Mapping[str, Any], position: int) -> Transform:
    parameters = dict(spec)
    name = parameters.pop("type", None)
    if name is None:
        raise ConfigError(f"Transform {position} has no `type`, got {dict(spec)!r}. Write `- type: LoadImages`.")
    kind = _find(str(name))
    known = inspect.signature(kind).parameters
    for key in parameters:
        if key not in known:
            raise ConfigError(f"Transform `{name}` has no parameter `{key}`.{nearest(key, known)}")
    try:
        return kind(**parameters)
    except ConfigError as error:
        raise ConfigError(f"Transform `{name}`: {error}") from error


def _find(name: str) -> type[Transform]:
    """The class of a registered name, or of 'FILE.py:Name'."""
    file, separator, own = name.rpartition(".py:")
    if separator:
        load_file(Path(f"{file}.py"))
        name = own
    kind = _REGISTRY.get(name)
    if kind is None:
        raise ConfigError(f"Unknown transform `{name}`.{nearest(name, _REGISTRY)}")
    return kind


def load_file(path: Path) -> None:
    """Run a Python file that registers transforms, once in a process.

    Raises:
        ConfigError: there is no such file, or it ends with an error.
    """
    path = path.resolve()
    name = f"transforms of {path}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ConfigError(f"There is no file of transforms at '{path}'. Fix the path in `type: FILE.py:Name`.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        if isinstance(error, MattingError):
            raise
        raise ConfigError(f"The transforms in '{path}' cannot be loaded: {error!r}.") from error
