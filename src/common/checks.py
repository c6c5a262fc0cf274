"""Checks of values that users give, as YAML or the command line has them."""

import math
from typing import Any

from .errors import ConfigError
from .text import nearest

MOST_WHOLE = 2**31 - 1
SEEDS = 2**32  # numpy's random numbers and MindSpore's take seeds below this
_SHOWN = 200  # characters of a wrong value that a message repeats


def shown(value: Any) -> str:
    """A value as Python writes it, cut where it is long; for messages."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"


def check_number(key: str, value: float) -> None:
    """ConfigError for what no key means: infinity, NaN, or a whole number that 32 bits do not hold."""
    if isinstance(value, int):
        if abs(value) > MOST_WHOLE:
            raise ConfigError(f"`{key}` must be at most {MOST_WHOLE}, got {shown(value)}.")
    elif not math.isfinite(value):
        raise ConfigError(f"`{key}` must be a finite number, got {value}.")


def check_choice(key: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise ConfigError, with the nearest choice, where `value` of the key is none of the choices."""
    if value not in choices:
        raise ConfigError(f"`{key}` cannot be {shown(value)}.{nearest(value, choices)}")
