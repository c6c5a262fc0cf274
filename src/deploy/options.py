"""What export.py was asked for: input shape, pre-processing inside the model, layout."""

import argparse
from dataclasses import dataclass

from ..common.errors import ConfigError
from ..common.sizes import check_pixels, parse_sides
from ..spec.preprocess import Preprocess

Shape = tuple[int, int, int, int]
ANY_SHAPE: Shape = (-1, 3, -1, -1)
OPSETS = (11, 13, 17)
OPSET = 17


@dataclass(frozen=True)
class ExportOptions:
    """What is special about an exported file.

    Attributes:
        shape: (batch, 3, height, width) of the input, -1 where any is taken.
        with_preprocess: the input is uint8 RGB [N, H, W, 3] and is normalised inside.
        overwrite: replace files of an earlier export.
        layout: of the input, NCHW or NHWC; None is NHWC for pixels and NCHW for normalised input.
        opset: version of ONNX's operators, one of `OPSETS`.
    """

    shape: Shape = ANY_SHAPE
    with_preprocess: bool = False
    overwrite: bool = False
    layout: str | None = None
    opset: int = OPSET

    def __post_init__(self) -> None:
        if self.with_preprocess and self.layout == "NCHW":
            raise ConfigError("--with_preprocess takes pixels as they lie in an image, NHWC: leave --layout NCHW out.")
        if self.opset not in OPSETS:
            raise ConfigError(f"`opset` must be one of {', '.join(map(str, OPSETS))}, got {self.opset}.")

    @property
    def channels_last(self) -> bool:
        """Whether the layout is NHWC by choice."""
        return self.layout == "NHWC"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `from_args` reads."""
    add = parser.add_argument
    add("--input_shape", help="N,3,H,W for a fixed input, -1 for a free side (default: all free)")
    add("--with_preprocess", action="store_true", help="input uint8 RGB [N, H, W, 3], normalised inside")
    add("--layout", choices=("NCHW", "NHWC"), help="of the input: [N, 3, H, W] (default) or [N, H, W, 3], as "
        "TensorFlow and the vendors' compilers have it")  # fmt: skip
    add("--opset", type=int, choices=OPSETS, default=OPSET, help="version of ONNX's operators, for older runtimes "
        "(default: %(default)s)")  # fmt: skip
    add("--overwrite", action="store_true", help="replace the file of an earlier export")


def from_args(args: argparse.Namespace) -> ExportOptions:
    """The options of a command line; ConfigError for a shape that no network takes."""
    return ExportOptions(read_shape(args.input_shape), args.with_preprocess, args.overwrite, args.layout, args.opset)


def read_shape(text: str | None) -> Shape:
    """`parse_shape` for the multiple that all networks share; `ANY_SHAPE` for None."""
    return ANY_SHAPE if text is None else parse_shape(text, Preprocess().multiple)


def parse_shape(text: str, multiple: int) -> Shape:
    """`1,3,480,288` -> (batch, 3, height, width), -1 for what stays free; ConfigError for what no network takes."""
    wrong = ConfigError(f"`input_shape` must be N,3,H,W (-1 for a free one), got {text!r}.")
    try:
        sides = parse_sides(text)
    except ConfigError as error:
        raise wrong from error
    if len(sides) != 4 or sides[1] != 3 or any(side < 1 and side != -1 for side in sides):
        raise wrong
    for side in sides[2:]:
        if side != -1 and side % multiple:
            raise ConfigError(
                f"Height and width must be multiples of {multiple}, got {side} in `input_shape` {text!r}."
            )
    batch, channels, height, width = sides
    check_pixels(height, width)
    return batch, channels, height, width
