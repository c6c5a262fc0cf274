"""Checks of transform parameters, as YAML gives them; each returns the value in the form that is kept."""

from collections.abc import Sequence
from typing import TypeGuard

from ...common.checks import check_choice
from ...common.errors import ConfigError

# What a sample may hold as pixels; every spatial transform moves all of these that are there.
PIXEL_KEYS = ("image", "alpha", "trimap", "foreground")


def number(name: str, value: object, low: float, high: float) -> float:
    """A number from `low` to `high`; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ConfigError(f"`{name}` must be a number from {low} to {high}, got {value!r}.")
    return float(value)


def whole(name: str, value: object, low: int) -> int:
    """A whole number of at least `low`; True and False are none."""
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise ConfigError(f"`{name}` must be a whole number of at least {low}, got {value!r}.")
    return value


def span(name: str, value: object, low: float, high: float) -> tuple[float, float]:
    """[from, to], or one number for both."""
    pair = value if _is_list(value) else (value, value)
    if len(pair) != 2:
        raise ConfigError(f"`{name}` must be one number or [from, to], got {value!r}.")
    first, last = number(name, pair[0], low, high), number(name, pair[1], low, high)
    if first > last:
        raise ConfigError(f"`{name}` runs from {first} down to {last}; write the smaller one first.")
    return first, last


def size(name: str, value: object) -> tuple[int, int]:
    """[width, height] in pixels, or one number for a square."""
    pair = value if _is_list(value) else (value, value)
    if len(pair) != 2:
        raise ConfigError(f"`{name}` must be [width, height] in pixels, got {value!r}.")
    return whole(name, pair[0], 1), whole(name, pair[1], 1)


def sizes(name: str, value: object) -> tuple[tuple[int, int], ...]:
    """One size or a list of them."""
    if _is_list(value) and value and all(_is_list(entry) for entry in value):
        return tuple(size(name, entry) for entry in value)
    return (size(name, value),)


def triple(name: str, value: object, low: float, high: float) -> tuple[float, float, float]:
    """Three numbers from `low` to `high`, for red, green and blue."""
    if not _is_list(value) or len(value) != 3:
        raise ConfigError(f"`{name}` must be three numbers (red, green, blue), got {value!r}.")
    red, green, blue = (number(name, entry, low, high) for entry in value)
    return red, green, blue


def fields(name: str, value: object, choices: tuple[str, ...] = PIXEL_KEYS) -> tuple[str, ...]:
    """A list of sample fields, possibly empty."""
    if not _is_list(value):
        raise ConfigError(f"`{name}` must be a list of fields such as ['alpha'], got {value!r}.")
    for entry in value:
        check_choice(name, entry, choices)
    return tuple(str(entry) for entry in value)


def flag(name: str, value: object) -> bool:
    """True or False."""
    if not isinstance(value, bool):
        raise ConfigError(f"`{name}` must be True or False, got {value!r}.")
    return value


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, str)
