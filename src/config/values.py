"""Values of configuration keys: a YAML value or a flag's text as the type that the key has."""

import types
import typing
from collections.abc import Callable
from typing import Any

from ..common.checks import shown
from ..common.errors import ConfigError
from ..common.text import truth_of


def coerce(name: str, value: Any, annotation: Any) -> Any:
    """Check a YAML value or turn a flag's text into the field's type; ConfigError where it does not fit."""
    kinds = typing.get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    if value is None or (isinstance(value, str) and value == "None"):
        if type(None) in kinds:
            return None
    elif any(type(value) is kind for kind in kinds if kind is not str):
        return value
    for kind in kinds:
        try:
            return _PARSERS[kind](value)
        except (KeyError, ValueError, TypeError):
            continue
    expected = " or ".join(kind.__name__ for kind in kinds if kind is not type(None))
    raise ConfigError(f"`{name}` must be {expected}, got {shown(value)}.")


def _parse_int(value: Any) -> int:
    if not isinstance(value, str):
        raise TypeError(value)
    return int(value)


def _parse_float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError(value)
    return float(value)


def _parse_str(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


_PARSERS: dict[type, Callable[[Any], Any]] = {
    bool: lambda value: truth_of(str(value)),
    int: _parse_int,
    float: _parse_float,
    str: _parse_str,
}


def plain(value: Any) -> Any:
    """Tuples to lists, so that YAML's safe dumper takes them."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    return value
