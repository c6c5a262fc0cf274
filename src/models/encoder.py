"""Inverted-residual encoders, built from an `EncoderSpec`; `backbones/` has those that are known by name."""

from dataclasses import replace

import mindspore as ms
from mindspore import nn

from ..spec.blocks import BlockSpec, Norm
from ..spec.encoder import EncoderSpec
from .maps import sharing
from .narrowing import Kept
from .units import ConvNormAct


class InvertedResidual(nn.Cell):
    """1x1 expansion, depthwise kxk, linear 1x1 projection, shortcut where the block says so."""

    def __init__(self, in_channels: int, block: BlockSpec, spec: EncoderSpec) -> None:
        super().__init__()
        hidden, act, eps, same = Norm(block.hidden, 0), spec.act, spec.bn_eps, spec.same_padding
        kernel, stride = block.kernel, block.stride
        self.residual, self.expands = block.residual, block.expand
        self.share = sharing()
        if block.expand:
            self.expand = ConvNormAct(in_channels, hidden, 1, act=act, eps=eps)
        self.depthwise = ConvNormAct(
            block.hidden, hidden, kernel, stride, block.hidden, same_padding=same, act=act, eps=eps
        )
        self.project = ConvNormAct(block.hidden, Norm(block.out, 0), 1, act="none", eps=eps, shortcut=block.residual)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> one of `block.out` channels at 1 / stride of its size."""
        if not self.residual:
            return self.project(self.depthwise(self.expand(x) if self.expands else x))
        x, shortcut = self.share(x)
        return self.project(self.depthwise(self.expand(x) if self.expands else x), shortcut)


class Encoder(nn.Cell):
    """Image -> maps at 1/2, 1/4 and 1/32 of the side, with `spec.tap_channels` and `spec.head` channels."""

    def __init__(self, spec: EncoderSpec) -> None:
        super().__init__()
        same, eps, act = spec.same_padding, spec.bn_eps, spec.act
        self.stem = ConvNormAct(3, Norm(spec.stem, 0), 3, 2, same_padding=same, act=act, eps=eps)
        blocks = [InvertedResidual(spec.channels_after(i), block, spec) for i, block in enumerate(spec.blocks)]
        first, second = spec.taps
        self.to2x = nn.SequentialCell(blocks[:first])
        self.to4x = nn.SequentialCell(blocks[first:second])
        self.to32x = nn.SequentialCell(blocks[second:])
        self.share2x, self.share4x = sharing(), sharing()
        self.head = ConvNormAct(spec.channels_after(len(blocks)), Norm(spec.head, 0), 1, act=act, eps=eps)

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        """A map of the image, normalised -> maps at 1/2, 1/4 and 1/32 of its sides."""
        enc2x, tap2x = self.share2x(self.to2x(self.stem(x)))
        enc4x, tap4x = self.share4x(self.to4x(enc2x))
        return tap2x, tap4x, self.head(self.to32x(enc4x))


def narrow_encoder(encoder: Encoder, spec: EncoderSpec, kept: Kept) -> EncoderSpec:
    """The spec of what is left of an encoder that was built from `spec`."""
    cells = [*encoder.to2x, *encoder.to4x, *encoder.to32x]
    blocks = [
        replace(block, hidden=kept.norm(cell.depthwise.norm).channels, out=kept.norm(cell.project.norm).channels)
        for block, cell in zip(spec.blocks, cells, strict=True)
    ]
    stem, head = kept.norm(encoder.stem.norm).channels, kept.norm(encoder.head.norm).channels
    return replace(spec, stem=stem, blocks=tuple(blocks), head=head)
