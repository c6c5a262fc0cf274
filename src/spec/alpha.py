"""Which channels of a file hold an alpha."""

from typing import Literal

AlphaChannels = bool | Literal["fourth"]
"""Of an alpha's file: one alone (False), several equal ones too (True), or RGBA, whose fourth is read ("fourth")."""
