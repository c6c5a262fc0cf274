"""The numbers that define a network. A pruned network is another spec of the same class.

Nothing here needs MindSpore: an edge device reads the spec out of a file to know what it runs.
"""

from dataclasses import dataclass
from typing import ClassVar

from ..common.errors import NetworkError
from . import checks
from .blocks import Norm
from .encoder import EncoderSpec


@dataclass(frozen=True)
class EasppSpec:
    """Efficient atrous spatial pyramid pooling: width of its narrow part, and the dilations of its scales."""

    channels: int
    rates: tuple[int, ...]

    def __post_init__(self) -> None:
        checks.whole("The channels of `easpp`", self.channels)
        checks.count("The rates of `easpp`", self.rates, 16)
        for rate in self.rates:
            checks.whole("A rate of `easpp`", rate, checks.MOST_RATE)


@dataclass(frozen=True)
class ModNetSpec:
    """All widths of a MODNet (Ke et al., AAAI 2022): low-resolution, high-resolution and fusion branch.

    Attributes:
        easpp: what makes `lr16x` from the encoder's deepest map; None: a 5x5 convolution.
    """

    title: ClassVar[str] = "MODNet"
    unit_colours: ClassVar[bool] = False  # its input is normalised as the checkpoint says

    encoder: EncoderSpec
    se_hidden: int
    lr16x: Norm
    lr8x: Norm
    tohr_enc2x: Norm
    conv_enc2x: Norm
    tohr_enc4x: Norm
    conv_enc4x: Norm
    hr4x: tuple[Norm, Norm, Norm]
    hr2x: tuple[Norm, Norm, Norm, Norm]
    detail: Norm
    lr4x: Norm
    f2x: Norm
    fusion: Norm
    easpp: EasppSpec | None = None
    network: str = "modnet"

    def __post_init__(self) -> None:
        checks.whole("`se_hidden`", self.se_hidden)
        checks.count("`hr4x`", self.hr4x, 3, 3)
        checks.count("`hr2x`", self.hr2x, 4, 4)
        if self.network != "modnet":
            raise NetworkError(f"A MODNet's `network` is modnet, got {self.network!r}.")

    @property
    def encoder_name(self) -> str:
        """The backbone's name, whose pretrained weights fit while no channel is pruned."""
        return self.encoder.name


def modnet_spec(encoder: EncoderSpec, hr: int = 32, lr16x: int = 96, lr8x: int = 32) -> ModNetSpec:
    """MODNet of the paper: `hr` is the width that the high-resolution and fusion branches derive from."""
    h, h2 = Norm.half(hr), Norm.half(2 * hr)
    return ModNetSpec(
        encoder=encoder,
        se_hidden=encoder.head // 4,
        lr16x=Norm.half(lr16x),
        lr8x=Norm.half(lr8x),
        tohr_enc2x=h,
        conv_enc2x=h,
        tohr_enc4x=h,
        conv_enc4x=h2,
        hr4x=(h2, h2, h),
        hr2x=(h2, h, h, h),
        detail=h,
        lr4x=h,
        f2x=h,
        fusion=Norm.half(hr // 2),
    )
