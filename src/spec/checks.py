"""Checks of the numbers in a spec: limits that no sensible network reaches, so that a wrong file is told in words."""

import math
from typing import Any

from ..common.errors import NetworkError

MOST_CHANNELS = 8192
MOST_BLOCKS = 512
MOST_KERNEL = 31
MOST_RATE = 64
MOST_REF_SIZE = 8192  # pixels of a side: 256 times the work of 512x512


def whole(what: str, value: Any, most: int = MOST_CHANNELS, least: int = 1) -> None:
    """NetworkError where a value is no whole number from `least` to `most`; `what` names it."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise NetworkError(f"{what} must be a whole number from {least} to {most}, got {value!r}.")


def number(what: str, value: Any, least: float, most: float) -> None:
    """NetworkError where a value is no number from `least` to `most`; `what` names it."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not known or not least <= value <= most:
        raise NetworkError(f"{what} must be a number from {least:g} to {most:g}, got {value!r}.")


def count(what: str, values: Any, most: int, least: int = 1) -> None:
    """NetworkError where `values` is no tuple of `least` to `most` entries; `what` names it."""
    if not isinstance(values, tuple) or not least <= len(values) <= most:
        expected = str(most) if least == most else f"{least} to {most}"
        got = f"{len(values)}" if isinstance(values, tuple) else repr(values)
        raise NetworkError(f"{what} must have {expected} entries, got {got}.")


def flag(what: str, value: Any) -> None:
    """NetworkError where a value is neither true nor false; `what` names it."""
    if not isinstance(value, bool):
        raise NetworkError(f"{what} must be true or false, got {value!r}.")
