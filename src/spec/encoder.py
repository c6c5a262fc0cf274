"""The numbers that define an encoder of inverted residual blocks."""

from dataclasses import dataclass

from .blocks import BlockSpec


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
