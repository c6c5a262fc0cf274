"""Sizes as command lines and files say them: HEIGHTxWIDTH, or the sides of a tensor."""

import re

from .errors import ConfigError

MOST_PIXELS = 2**26  # 8192x8192


def parse_size(text: str) -> tuple[int, int]:
    """`480x288` -> (480, 288): height and width in pixels, at least 1; ConfigError for anything else."""
    if not re.fullmatch(r"[1-9]\d{0,5}x[1-9]\d{0,5}", text):
        raise ConfigError(f"A size is HEIGHTxWIDTH such as 512x512, got {text!r}.")
    height, width = (int(side) for side in text.split("x"))
    check_pixels(height, width)
    return height, width


def check_pixels(height: int, width: int) -> None:
    """ConfigError for an image of more pixels than any computer mattes at once."""
    if height * width > MOST_PIXELS:
        raise ConfigError(f"A size of {height}x{width} has more than {MOST_PIXELS // 10**6} million pixels.")


def parse_sides(text: str) -> tuple[int, ...]:
    """`1,3,480,288` -> (1, 3, 480, 288); -1 stands for a free side. ConfigError where a part is no whole number."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ConfigError(
            f"Sides are whole numbers with commas between them, such as 1,3,480,288, got {text!r}."
        ) from error


def show_size(size: tuple[int, int]) -> str:
    """(480, 288) -> `480x288`, height x width."""
    return "x".join(map(str, size))
