"""Inverted-residual encoders (MobileNetV2, EfficientNet-Lite0), built from an `EncoderSpec`."""

import mindspore as ms
from mindspore import nn

from ..spec.blocks import BlockSpec, Norm
from ..spec.encoder import EncoderSpec
from .units import ConvNormAct


class InvertedResidual(nn.Cell):
    """1x1 expansion, depthwise kxk, linear 1x1 projection, shortcut where the spec says so."""

    def __init__(self, in_channels: int, block: BlockSpec, same_padding: bool, eps: float) -> None:
        super().__init__()
        hidden = Norm(block.hidden, 0)
        self.residual, self.expands = block.residual, block.expand
        if block.expand:
            self.expand = ConvNormAct(in_channels, hidden, 1, act="relu6", eps=eps)
        self.depthwise = ConvNormAct(
            block.hidden,
            hidden,
            block.kernel,
            block.stride,
            block.hidden,
            same_padding=same_padding,
            act="relu6",
            eps=eps,
        )
        self.project = ConvNormAct(block.hidden, Norm(block.out, 0), 1, act="none", eps=eps, shortcut=block.residual)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        y = self.depthwise(self.expand(x) if self.expands else x)
        return self.project(y, x) if self.residual else self.project(y)


class Encoder(nn.Cell):
    """Image -> maps at 1/2, 1/4 and 1/32 of the side, with `spec.tap_channels` and `spec.head` channels."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        same, eps = spec.same_padding, spec.bn_eps
        self.stem = ConvNormAct(3, Norm(spec.stem, 0), 3, 2, same_padding=same, act="relu6", eps=eps)
        blocks, channels = [], spec.stem
        for block in spec.blocks:
            blocks.append(InvertedResidual(channels, block, same, eps))
            channels = block.out
        self.to2x = nn.SequentialCell(blocks[: spec.taps[0]])
        self.to4x = nn.SequentialCell(blocks[spec.taps[0] : spec.taps[1]])
        self.to32x = nn.SequentialCell(blocks[spec.taps[1] :])
        self.head = ConvNormAct(channels, Norm(spec.head, 0), 1, act="relu6", eps=eps)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        enc2x = self.to2x(self.stem(x))
        enc4x = self.to4x(enc2x)
        return enc2x, enc4x, self.head(self.to32x(enc4x))
