"""The numbers that define an MMNet.

Source: Seo, Choi, Kim, Kwon, Kim, Kim, "Towards Real-Time Automatic Portrait Matting on Mobile Devices", arXiv
1904.03816.
"""

from dataclasses import dataclass
from itertools import accumulate
from operator import mul
from typing import ClassVar

from ..common.errors import NetworkError
from . import checks
from .activations import find_activation

TAP_STRIDES = (4, 8, 16)  # of the maps that the decoder reads, the deepest one last
WIDTH_MULTIPLIERS = (0.5, 0.75, 1.0, 1.4)  # those of the paper


@dataclass(frozen=True)
class MultiBranchSpec:
    """MMNet's block: parallel branches that all read its input, concatenated and projected by a 1x1 convolution.

    A branch is a 1x1 convolution, with stride 2 a depthwise 3x3 of that stride, and a dilated depthwise 3x3.

    Attributes:
        branches: channels of each branch.
        rates: dilation of each branch.
        out: channels of the projection, and `act` its activation, a name of `spec/activations.py`.
    """

    branches: tuple[int, ...]
    rates: tuple[int, ...]
    out: int
    stride: int = 1
    act: str = "none"

    def __post_init__(self) -> None:
        find_activation(self.act)
        checks.whole("The channels of MMNet's block", self.out)
        checks.whole("The stride of MMNet's block", self.stride, 2)
        checks.count("The branches of MMNet's block", self.branches, 64)
        checks.count("The rates of MMNet's block", self.rates, len(self.branches), len(self.branches))
        for channels, rate in zip(self.branches, self.rates, strict=True):
            checks.whole("The channels of a branch", channels)
            checks.whole("The dilation of a branch", rate, checks.MOST_RATE)


@dataclass(frozen=True)
class JoinSpec:
    """A step of MMNet's decoder: channels of the map that is upsampled, and of the encoder's map beside it."""

    up: int
    skip: int

    def __post_init__(self) -> None:
        checks.whole("The channels `up` of MMNet's decoder", self.up)
        checks.whole("The channels `skip` of MMNet's decoder", self.skip)


@dataclass(frozen=True)
class MMNetSpec:
    """All widths of an MMNet.

    Attributes:
        stem: channels of the 3x3 stride-2 convolution.
        blocks: the encoder's.
        taps: the number of blocks after which the maps of stride 4 and of stride 8 are published.
        up8x, up4x: the decoder's joins with these maps.
        refine: blocks at stride 4, after them.
        last: channels that the head reads.
    """

    title: ClassVar[str] = "MMNet"
    unit_colours: ClassVar[bool] = True  # its input and its composition loss take colours in [0, 1]
    encoder_name: ClassVar[None] = None  # trained from scratch: there is no pretrained encoder

    stem: int
    blocks: tuple[MultiBranchSpec, ...]
    taps: tuple[int, int]
    up8x: JoinSpec
    up4x: JoinSpec
    refine: tuple[MultiBranchSpec, ...]
    last: int
    network: str = "mmnet"

    def __post_init__(self) -> None:
        checks.whole("MMNet's `stem`", self.stem)
        checks.whole("MMNet's `last`", self.last)
        checks.count("MMNet's `blocks`", self.blocks, checks.MOST_BLOCKS)
        checks.count("MMNet's `refine`", self.refine, checks.MOST_BLOCKS)
        checks.count("MMNet's `taps`", self.taps, 2, 2)
        for tap in self.taps:
            checks.whole("A tap of MMNet", tap, len(self.blocks))
        strides = list(accumulate((block.stride for block in self.blocks), mul, initial=2))
        found = strides[self.taps[0]], strides[self.taps[1]], strides[-1]
        if found != TAP_STRIDES or self.taps[0] > self.taps[1]:
            raise NetworkError(
                f"MMNet's blocks give maps of strides {found} after {self.taps}, expected {TAP_STRIDES}."
            )
        if any(block.stride != 1 for block in self.refine):
            raise NetworkError("MMNet's `refine` has blocks of stride 2, expected is 1.")
        if self.network != "mmnet":
            raise NetworkError(f"An MMNet's `network` is mmnet, got {self.network!r}.")


def scaled(depth: int, width: float) -> int:
    """`depth` channels at a width multiplier: to the nearest multiple of eight, at least eight."""
    return max(8, (round(depth * width) + 4) // 8 * 8)


def mmnet_spec(width: float = 1.0) -> MMNetSpec:
    """MMNet of the paper with all its inner widths multiplied by `width`; see `WIDTH_MULTIPLIERS`."""

    def block(branch: int, rates: int, out: int, stride: int = 1, act: str = "none") -> MultiBranchSpec:
        channels = (scaled(branch, width),) * rates
        return MultiBranchSpec(channels, (1, 2, 4, 8)[:rates], scaled(out, width), stride, act)

    def join(up: int, skip: int) -> JoinSpec:
        return JoinSpec(scaled(up, width), scaled(skip, width))

    blocks = (  # channels of a branch, number of branches, channels out, stride
        block(16, 4, 16, 2),
        *(block(16, 4, 24), block(24, 4, 24), block(24, 4, 24)),
        block(32, 3, 40, 2),
        *(block(64, 3, 40), block(64, 3, 40), block(64, 3, 40)),
        block(80, 2, 80, 2),
        block(120, 2, 80, act="relu6"),
    )
    refine = block(40, 3, 40), block(40, 3, 40)
    return MMNetSpec(scaled(32, width), blocks, (1, 5), join(64, 64), join(40, 40), refine, last=scaled(16, width))
