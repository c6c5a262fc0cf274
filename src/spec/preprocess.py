"""How an image becomes the input of a network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..common.errors import NetworkError
from . import checks

COLORS = ("RGB", "BGR")
SIDES = ("shorter", "longer")
_MOST = 1e6  # of a mean or a deviation, which are of values in [0, 1]


@dataclass(frozen=True)
class Preprocess:
    """How an image becomes a network input; travels inside every file we write. NetworkError for impossible numbers.

    Attributes:
        mean, std: per colour channel, for values in [0, 1]; input = (rgb / 255 - mean) / std.
        ref_size: length in pixels of one side at the network's input, the aspect being kept. Or (height, width) of
            every input, whatever the image's aspect, as MMNet takes it (see `src.imaging.to_input`).
        multiple: both sides are a multiple of this (the encoder halves five times).
        color: order of the channels, RGB or BGR.
        ref_side: which side a `ref_size` of one number is the length of, shorter or longer. Files of earlier versions
            do not say it and mean the shorter one.
    """

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    ref_size: int | tuple[int, int] = 512
    multiple: int = 32
    color: str = "RGB"
    ref_side: str = "shorter"

    def __post_init__(self) -> None:
        if isinstance(self.ref_size, list):  # JSON knows no tuples
            object.__setattr__(self, "ref_size", tuple(self.ref_size))
        for name in ("mean", "std"):
            checks.count(f"`{name}` of the pre-processing", getattr(self, name), 3, 3)
        for mean, std in zip(self.mean, self.std, strict=True):
            checks.number("`mean` of the pre-processing", mean, -_MOST, _MOST)
            checks.number("`std` of the pre-processing", std, 1 / _MOST, _MOST)
        sides = self.ref_size if isinstance(self.ref_size, tuple) else (self.ref_size,) * 2
        checks.count("`ref_size` of the pre-processing", sides, 2, 2)
        for value in (*sides, self.multiple):
            checks.whole("`ref_size` and `multiple` of the pre-processing", value, checks.MOST_REF_SIZE)
        if self.color not in COLORS:
            raise NetworkError(f"`color` of the pre-processing must be RGB or BGR, got {self.color!r}.")
        if self.ref_side not in SIDES:
            raise NetworkError(f"`ref_side` of the pre-processing must be shorter or longer, got {self.ref_side!r}.")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Preprocess":
        """From what JSON gives, where lists stand for tuples."""
        given: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**given)

    @property
    def fixed_size(self) -> tuple[int, int] | None:
        """(height, width) of every input, for a network that takes one size alone as MMNet does; else None."""
        return self.ref_size if isinstance(self.ref_size, tuple) else None
