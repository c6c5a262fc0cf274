"""The table of transforms, and the chain that a configuration's list becomes."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np

from ...common.errors import ConfigError
from ...common.text import nearest

Sample = dict[str, Any]


class Transform(Protocol):
    """A step from sample to sample; every random choice comes from `rng` and from nowhere else.

    One that cannot do without the sample's alpha says so with a true attribute `reads_alpha`.
    """

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample: ...


Kind = TypeVar("Kind", bound=type)
_REGISTRY: dict[str, type] = {}


def register(kind: Kind) -> Kind:
    """Class decorator: make a transform known under its class name; its fields are its parameters."""
    _REGISTRY[kind.__name__] = kind
    return kind


@dataclass(frozen=True)
class Compose:
    """Transforms one after another."""

    transforms: tuple[Transform, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        for transform in self.transforms:
            sample = transform(sample, rng)
        return sample


def build_transforms(specs: Sequence[Mapping[str, Any]]) -> Compose:
    """Build the chain of a configuration's `transforms` list.

    Args:
        specs: one mapping a transform: 'type' is its name, the rest are its parameters.

    Raises:
        ConfigError: unknown transform or parameter (with the nearest name), or a value that cannot be.
    """
    return Compose(tuple(_build(spec, position) for position, spec in enumerate(specs, start=1)))


def _build(spec: Mapping[str, Any], position: int) -> Transform:
    parameters = dict(spec)
    name = parameters.pop("type", None)
    if name is None:
        raise ConfigError(f"Transform {position} has no `type`, got {dict(spec)!r}. Write `- type: LoadImages`.")
    kind = _REGISTRY.get(name)
    if kind is None:
        raise ConfigError(f"Unknown transform `{name}`.{nearest(name, _REGISTRY)}")
    known = inspect.signature(kind).parameters
    for key in parameters:
        if key not in known:
            raise ConfigError(f"Transform `{name}` has no parameter `{key}`.{nearest(key, known)}")
    try:
        return kind(**parameters)
    except ConfigError as error:
        raise ConfigError(f"Transform `{name}`: {error}") from error
