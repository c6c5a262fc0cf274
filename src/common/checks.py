"""Checks of values that users give, as YAML or the command line has them."""

from typing import Any

from .errors import ConfigError
from .text import nearest


def check_choice(key: str, value: Any, choices: tuple[str, ...]) -> None:
    """Raise ConfigError, with the nearest choice, where `value` of the key is none of the choices."""
    if value not in choices:
        raise ConfigError(f"`{key}` cannot be {value!r}.{nearest(value, choices)}")
