"""The numbers of the blocks that networks are made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Norm:
    """Channels of an IBNorm: the first `bn` are batch-normalised, the other `inorm` instance-normalised.

    Source: IBN-Net, Pan et al. 2018, as MODNet uses it. `inorm=0` is plain batch norm.
    """

    bn: int
    inorm: int

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
