"""The numbers that define a network. A pruned network is another spec of the same class.

Nothing here needs MindSpore: an edge device reads the spec out of a file to know what it runs.
"""

import dataclasses
import json
import types
import typing
from dataclasses import dataclass
from typing import Any, ClassVar

from src.errors import CheckpointError
from src.spec_mmnet import MMNetSpec, mmnet_spec

SPEC_VERSION = 1


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes a network input; travels inside every file we write.

    Attributes:
        mean, std: per colour channel, for values in [0, 1]; input = (rgb / 255 - mean) / std.
        ref_size: length in pixels of the shorter side at the network's input, the aspect being kept. Or (height,
            width) of every input, whatever the picture's aspect, as MMNet wants it (see `src.imaging.to_input`).
        multiple: both sides are a multiple of this (the encoder halves five times).
    """

    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    ref_size: int | tuple[int, int] = 512
    multiple: int = 32
    color: str = "RGB"

    def __post_init__(self) -> None:
        if isinstance(self.ref_size, list):  # JSON knows no tuples
            object.__setattr__(self, "ref_size", tuple(self.ref_size))


@dataclass(frozen=True)
class Norm:
    """Channels of an IBNorm: the first `bn` are batch-normalised, the other `inorm` instance-normalised.

    Source: IBN-Net, Pan et al. 2018, as MODNet uses it. `inorm=0` is plain batch norm.
    """

    bn: int
    inorm: int

    @property
    def channels(self) -> int:
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


@dataclass(frozen=True)
class EncoderSpec:
    """A stack of inverted residual blocks between a 3x3 stride-2 stem and a 1x1 head.

    Attributes:
        taps: the number of blocks after which the maps of stride 2 and of stride 4 are published.
        same_padding: TensorFlow's 'SAME' rule: with stride 2 and even sides the padding is on the bottom
            and right only.
        bn_eps: the epsilon that the pretrained weights were made with.
    """

    name: str
    stem: int
    blocks: tuple[BlockSpec, ...]
    head: int
    taps: tuple[int, int]
    same_padding: bool = False
    bn_eps: float = 1e-5

    @property
    def tap_channels(self) -> tuple[int, int]:
        return self.blocks[self.taps[0] - 1].out, self.blocks[self.taps[1] - 1].out


@dataclass(frozen=True)
class EasppSpec:
    """Efficient atrous spatial pyramid pooling: width of its narrow part, and the dilations of its scales."""

    channels: int
    rates: tuple[int, ...]


@dataclass(frozen=True)
class ModNetSpec:
    """All widths of a MODNet (Ke et al., AAAI 2022): low-resolution, high-resolution and fusion branch.

    Attributes:
        easpp: what makes `lr16x` from the encoder's deepest map; None: a 5x5 convolution.
    """

    title: ClassVar[str] = "MODNet"

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

    @property
    def encoder_name(self) -> str:
        return self.encoder.name


def _inverted_residuals(stem: int, settings: list[tuple[int, int, int, int, int]]) -> tuple[BlockSpec, ...]:
    """Unroll rows of (expansion, out, repeats, stride, kernel), the way both papers print their tables."""
    blocks, channels = [], stem
    for expansion, out, repeats, stride, kernel in settings:
        for i in range(repeats):
            s = stride if i == 0 else 1
            residual = s == 1 and channels == out
            blocks.append(BlockSpec(channels * expansion, out, kernel, s, residual, expansion != 1))
            channels = out
    return tuple(blocks)


def mobilenetv2_encoder() -> EncoderSpec:
    """MobileNetV2, width 1.0 (Sandler et al. 2018, table 2), without the classifier."""
    #            t   c   n  s  k
    settings = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3),
                (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]  # fmt: skip
    return EncoderSpec("mobilenetv2", 32, _inverted_residuals(32, settings), 1280, taps=(1, 3))


def efficientnet_lite0_encoder() -> EncoderSpec:
    """EfficientNet-Lite0 (no squeeze-excite, ReLU6), without the classifier."""
    #            t   c   n  s  k
    settings = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
                (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]  # fmt: skip
    blocks = _inverted_residuals(32, settings)
    return EncoderSpec("efficientnet_lite0", 32, blocks, 1280, (1, 3), same_padding=True, bn_eps=1e-3)


ENCODERS = {"mobilenetv2": mobilenetv2_encoder, "efficientnet_lite0": efficientnet_lite0_encoder}


def modnet_spec(
    encoder: EncoderSpec | str = "mobilenetv2", hr: int = 32, lr16x: int = 96, lr8x: int = 32
) -> ModNetSpec:
    """MODNet of the paper: `hr` is the width that the high-resolution and fusion branches derive from."""
    if isinstance(encoder, str):
        encoder = ENCODERS[encoder]()
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


NetworkSpec = ModNetSpec | MMNetSpec
SPECS: dict[str, type[NetworkSpec]] = {"modnet": ModNetSpec, "mmnet": MMNetSpec}


def spec_to_json(spec: NetworkSpec) -> str:
    """The numbers of a spec; what it has none of is left out, so that older releases read it where they can."""
    values = {name: value for name, value in dataclasses.asdict(spec).items() if value is not None}
    return json.dumps({"version": SPEC_VERSION, **values}, sort_keys=True)


def spec_from_json(text: str) -> NetworkSpec:
    """Rebuild a spec; raises CheckpointError where the text is not one that this version writes."""
    try:
        values = json.loads(text)
        version = values.pop("version")
        if version != SPEC_VERSION:
            raise CheckpointError(
                f"The file's network description is of version {version}, this program reads version "
                f"{SPEC_VERSION}. Use the release of the project that wrote the file."
            )
        return _build(SPECS[values["network"]], values)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CheckpointError(f"The file's network description cannot be read ({error!r}).") from error


def _build(kind: Any, value: Any) -> Any:
    """A value of the annotated type `kind` from what JSON gives; unknown or missing names raise Key- or TypeError."""
    if isinstance(kind, types.UnionType):  # of a spec and None
        kind = typing.get_args(kind)[0] if value is not None else None
    if dataclasses.is_dataclass(kind):
        kinds = typing.get_type_hints(kind)
        return kind(**{name: _build(kinds[name], v) for name, v in value.items()})
    if typing.get_origin(kind) is tuple:  # of one type throughout
        return tuple(_build(typing.get_args(kind)[0], v) for v in value)
    return value


__all__ = [
    "ENCODERS",
    "SPECS",
    "BlockSpec",
    "EasppSpec",
    "EncoderSpec",
    "MMNetSpec",
    "ModNetSpec",
    "NetworkSpec",
    "Norm",
    "Preprocess",
    "efficientnet_lite0_encoder",
    "mmnet_spec",
    "mobilenetv2_encoder",
    "modnet_spec",
    "spec_from_json",
    "spec_to_json",
]
