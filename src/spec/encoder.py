"""The numbers that define an encoder of inverted residual blocks."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate
from operator import mul

from ..common.errors import NetworkError
from . import checks
from .activations import find_activation
from .blocks import BlockSpec

TAP_STRIDES = (2, 4, 32)  # of the maps that an encoder publishes, the deepest one last
LEFT_OUT_AS_DEFAULT = "left out as default"  # metadata of fields that came later: files with the default stay as before


@dataclass(frozen=True)
class EncoderSpec:
    """A stack of inverted residual blocks between a 3x3 stride-2 stem and a 1x1 head.

    NetworkError where the taps do not lie at the strides 2 and 4, or the deepest map not at 32.

    Attributes:
        taps: the number of blocks after which the maps of stride 2 and of stride 4 are published; 0: after the stem.
        same_padding: TensorFlow's 'SAME' rule: with stride 2 and even sides the padding is on the bottom
            and right only.
        bn_eps: the epsilon that the pretrained weights were made with.
        act: the activation of all layers but the projections; a name of `spec/activations.py`.
    """

    name: str
    stem: int
    blocks: tuple[BlockSpec, ...]
    head: int
    taps: tuple[int, int]
    same_padding: bool = False
    bn_eps: float = 1e-5
    act: str = field(default="relu6", metadata={LEFT_OUT_AS_DEFAULT: True})

    def __post_init__(self) -> None:
        find_activation(self.act)
        self._check_numbers()
        strides = list(accumulate((block.stride for block in self.blocks), mul, initial=2))
        first, second = self.taps
        if not 0 <= first <= second <= len(self.blocks):
            raise NetworkError(f"The encoder `{self.name}` has {len(self.blocks)} blocks, and taps after {self.taps}.")
        found = strides[first], strides[second], strides[-1]
        if found != TAP_STRIDES:
            raise NetworkError(
                f"The encoder `{self.name}` gives maps of strides {found}, but networks take {TAP_STRIDES}. "
                "Set `taps` to the numbers of blocks after which the stride is 2 and 4."
            )

    def _check_numbers(self) -> None:
        checks.whole("The encoder's `stem`", self.stem)
        checks.whole("The encoder's `head`", self.head)
        checks.count("The encoder's `blocks`", self.blocks, checks.MOST_BLOCKS)
        checks.count("The encoder's `taps`", self.taps, 2, 2)
        checks.flag("The encoder's `same_padding`", self.same_padding)
        checks.number("The encoder's `bn_eps`", self.bn_eps, 1e-12, 1)
        for tap in self.taps:
            checks.whole("A tap of the encoder", tap, checks.MOST_BLOCKS, 0)
        for i, block in enumerate(self.blocks):
            block.check_input(self.channels_after(i))

    def channels_after(self, blocks: int) -> int:
        """Channels of the map after the stem and so many blocks."""
        return self.blocks[blocks - 1].out if blocks else self.stem

    @property
    def tap_channels(self) -> tuple[int, int]:
        """Channels of the maps of stride 2 and of stride 4."""
        return self.channels_after(self.taps[0]), self.channels_after(self.taps[1])


def inverted_residuals(stem: int, rows: Iterable[tuple[int, int, int, int, int]]) -> tuple[BlockSpec, ...]:
    """Unroll rows of (expansion, out, repeats, stride, kernel), the way papers print their tables."""
    blocks, channels = [], stem
    for expansion, out, repeats, stride, kernel in rows:
        for i in range(repeats):
            s = stride if i == 0 else 1
            residual = s == 1 and channels == out
            blocks.append(BlockSpec(channels * expansion, out, kernel, s, residual, expansion != 1))
            channels = out
    return tuple(blocks)
