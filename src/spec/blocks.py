"""The numbers of the blocks that networks are made of."""

from dataclasses import dataclass

from ..common.errors import NetworkError
from . import checks


@dataclass(frozen=True)
class Norm:
    """Channels of an IBNorm: the first `bn` are batch-normalised, the other `inorm` instance-normalised.

    Source: IBN-Net, Pan et al. 2018, as MODNet uses it. `inorm=0` is plain batch norm.
    """

    bn: int
    inorm: int

    def __post_init__(self) -> None:
        checks.whole("A norm's batch-normalised channels", self.bn, least=0)
        checks.whole("A norm's instance-normalised channels", self.inorm, least=0)
        checks.whole("A norm's channels", self.bn + self.inorm)

    @property
    def channels(self) -> int:
        """Of both kinds together."""
        return self.bn + self.inorm

    @classmethod
    def half(cls, channels: int) -> "Norm":
        """MODNet's rule: half of the channels (rounded down) get batch norm, the rest instance norm."""
        return cls(channels // 2, channels - channels // 2)


@dataclass(frozen=True)
class BlockSpec:
    """One inverted residual block: 1x1 expansion (if `expand`), depthwise kxk, linear 1x1 projection."""

    hidden: int
    out: int
    kernel: int
    stride: int
    residual: bool
    expand: bool

    def __post_init__(self) -> None:
        checks.whole("The hidden channels of an encoder's block", self.hidden)
        checks.whole("The channels of an encoder's block", self.out)
        checks.whole("The kernel of an encoder's block", self.kernel, checks.MOST_KERNEL)
        checks.whole("The stride of an encoder's block", self.stride, 4)
        checks.flag("`residual` of an encoder's block", self.residual)
        checks.flag("`expand` of an encoder's block", self.expand)
        if self.kernel % 2 == 0:
            raise NetworkError(f"The kernel of an encoder's block must be odd, got {self.kernel}.")

    def check_input(self, channels: int) -> None:
        """NetworkError where a map of so many channels cannot be the block's input."""
        if self.residual and (self.stride, self.out) != (1, channels):
            raise NetworkError(
                f"An encoder's block has a shortcut, but makes {self.out} channels of {channels} at stride "
                f"{self.stride}. Expected is stride 1 and as many channels as come in."
            )
        if not self.expand and self.hidden != channels:
            raise NetworkError(
                f"An encoder's block expands nothing, but has {self.hidden} hidden channels and gets {channels}."
            )
