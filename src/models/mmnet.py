"""MMNet (Seo et al., "Towards Real-Time Automatic Portrait Matting on Mobile Devices", arXiv 1904.03816)."""

from dataclasses import replace

import mindspore as ms
from mindspore import nn
from mindspore.common.initializer import initializer

from ..spec.blocks import Norm
from ..spec.mmnet import JoinSpec, MMNetSpec, MultiBranchSpec
from .layers import Concat, Conv2d, NormAct
from .maps import FromLayout, ToLayout, sharing
from .narrowing import Kept, Narrowing, register_narrowing
from .two_class import PersonMatte
from .units import ConvNormAct

BN_EPS = 1e-3
BN_MOMENTUM = 0.999  # of the original: some thousand steps pass before the moving statistics mean anything


def unit(in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, act: str = "relu6") -> ConvNormAct:
    """Convolution without bias, batch norm and ReLU6, padded as TensorFlow does."""
    norm = Norm(out_channels, 0)
    return ConvNormAct(in_channels, norm, kernel, stride, same_padding=True, act=act, eps=BN_EPS)


def depthwise(channels: int, stride: int = 1, rate: int = 1) -> ConvNormAct:
    """3x3 depthwise convolution with dilation `rate`, batch norm and ReLU6."""
    norm = Norm(channels, 0)
    return ConvNormAct(channels, norm, 3, stride, channels, same_padding=True, act="relu6", eps=BN_EPS, dilation=rate)


class MultiBranch(nn.Cell):
    """Parallel branches with different dilations, concatenated and projected (see `MultiBranchSpec`)."""

    def __init__(self, in_channels: int, spec: MultiBranchSpec) -> None:
        super().__init__()
        self.branches = nn.CellList()
        for channels, rate in zip(spec.branches, spec.rates, strict=True):
            shrink = [depthwise(channels, 2)] if spec.stride == 2 else []
            self.branches.append(
                nn.SequentialCell(unit(in_channels, channels), *shrink, depthwise(channels, rate=rate))
            )
        self.share = sharing(len(spec.branches))
        self.join = Concat(*(False for _ in spec.branches))
        self.project = unit(sum(spec.branches), spec.out, act=spec.act)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        """A map -> one of `spec.out` channels at 1 / stride of its size."""
        shared = self.share(x)
        maps: tuple[ms.Tensor, ...] = ()
        for i in range(len(shared)):
            maps += (self.branches[i](shared[i]),)
        return self.project(self.join(*maps))


def chain(in_channels: int, specs: tuple[MultiBranchSpec, ...]) -> nn.SequentialCell:
    """Blocks one after another."""
    widths = [in_channels, *(spec.out for spec in specs)]
    return nn.SequentialCell([MultiBranch(width, spec) for width, spec in zip(widths, specs, strict=False)])


class MMNetEncoder(nn.Cell):
    """Image -> maps at 1/4, 1/8 and 1/16 of the side."""

    def __init__(self, spec: MMNetSpec) -> None:
        super().__init__()
        first, second = spec.taps
        self.stem = unit(3, spec.stem, 3, 2)
        self.to4x = chain(spec.stem, spec.blocks[:first])
        self.to8x = chain(spec.blocks[first - 1].out, spec.blocks[first:second])
        self.to16x = chain(spec.blocks[second - 1].out, spec.blocks[second:])
        self.share4x, self.share8x = sharing(), sharing()

    def construct(self, x: ms.Tensor) -> tuple[ms.Tensor, ms.Tensor, ms.Tensor]:
        """A map of the image -> maps at 1/4, 1/8 and 1/16 of its sides."""
        enc4x, tap4x = self.share4x(self.to4x(self.stem(x)))
        enc8x, tap8x = self.share8x(self.to8x(enc4x))
        return tap4x, tap8x, self.to16x(enc8x)


class Join(nn.Cell):
    """A deep map, upsampled by two, beside one of the encoder's (see `JoinSpec`)."""

    def __init__(self, in_channels: int, skip_channels: int, spec: JoinSpec) -> None:
        super().__init__()
        self.reduce = unit(in_channels, spec.up)
        self.skip = nn.SequentialCell(depthwise(skip_channels), unit(skip_channels, spec.skip))
        self.join = Concat(True, False, legacy=True)

    def construct(self, x: ms.Tensor, skip: ms.Tensor) -> ms.Tensor:
        """A deep map and one of twice its sides -> a map of the latter's size."""
        return self.join(self.reduce(x), self.skip(skip))


class MMNetDecoder(nn.Cell):
    """The encoder's maps -> logits at full size, in the layout.

    The original upsamples the last map and then reads the logits from it. A 1x1 convolution and an interpolation,
    whose weights sum to 1, commute: here the two logits are upsampled, a sixteenth of the multiplications and an
    eighth of the upsampling.
    """

    def __init__(self, spec: MMNetSpec) -> None:
        super().__init__()
        c4, c8, c16 = (spec.blocks[i - 1].out for i in (*spec.taps, len(spec.blocks)))
        self.up8x = Join(c16, c8, spec.up8x)
        self.up4x = Join(spec.up8x.up + spec.up8x.skip, c4, spec.up4x)
        self.refine = chain(spec.up4x.up + spec.up4x.skip, spec.refine)
        self.reduce = unit(spec.refine[-1].out, spec.last)
        self.head = Conv2d(spec.last, 2, 1, bias=True)
        self.upsample2x, self.upsample1x = Concat(True, legacy=True), Concat(True, legacy=True)

    def construct(self, enc4x: ms.Tensor, enc8x: ms.Tensor, enc16x: ms.Tensor) -> ms.Tensor:
        """Maps at 1/4, 1/8 and 1/16 of the sides -> a map of two logits at full size."""
        x = self.refine(self.up4x(self.up8x(enc16x, enc8x), enc4x))
        return self.upsample1x(self.upsample2x(self.head(self.reduce(x))))


class MMNet(nn.Cell):
    """Portrait matting network for mobile devices, of any width.

    Input: [N, 3, H, W], RGB in [0, 1], sides multiples of 32.
    Output in inference (`set_train(False)`): matte [N, 1, H, W] in [0, 1].
    Output in training: logits of background and person, [N, 2, H, W], and of the auxiliary head, [N, 2, H/16, W/16].
    """

    def __init__(self, spec: MMNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.to_layout, self.from_layout = ToLayout(), FromLayout()
        self.encoder = MMNetEncoder(spec)
        self.decoder = MMNetDecoder(spec)
        self.auxiliary = Conv2d(spec.blocks[-1].out, 2, 1, bias=True)
        self.to_matte = PersonMatte()
        self.share16x = sharing()
        for _, cell in self.cells_and_names():
            if isinstance(cell, Conv2d):
                cell.weight.set_data(initializer("xavier_uniform", cell.weight.shape, ms.float32))
            elif isinstance(cell, NormAct):
                cell.set_momentum(BN_MOMENTUM)

    def construct(self, image: ms.Tensor) -> ms.Tensor | tuple[ms.Tensor, ms.Tensor]:
        """Image [N, 3, H, W] in [0, 1] -> what the class says, float32."""
        enc4x, enc8x, enc16x = self.encoder(self.to_layout(image))
        if not self.training:
            return self.to_matte(self.from_layout(self.decoder(enc4x, enc8x, enc16x)))
        enc16x, tap16x = self.share16x(enc16x)
        return self.from_layout(self.decoder(enc4x, enc8x, enc16x)), self.from_layout(self.auxiliary(tap16x))


def narrow_mmnet(network: MMNet, kept: Kept) -> MMNetSpec:
    """The spec of what is left of an MMNet."""
    encoder, decoder, spec = network.encoder, network.decoder, network.spec

    def block(cell: MultiBranch, block: MultiBranchSpec) -> MultiBranchSpec:
        branches = tuple(kept.norm(branch[-1].norm).channels for branch in cell.branches)
        return replace(block, branches=branches, out=kept.norm(cell.project.norm).channels)

    def join(cell: Join) -> JoinSpec:
        return JoinSpec(kept.norm(cell.reduce.norm).channels, kept.norm(cell.skip[-1].norm).channels)

    cells = [*encoder.to4x, *encoder.to8x, *encoder.to16x]
    return replace(
        spec,
        stem=kept.norm(encoder.stem.norm).channels,
        blocks=tuple(block(cell, old) for cell, old in zip(cells, spec.blocks, strict=True)),
        up8x=join(decoder.up8x),
        up4x=join(decoder.up4x),
        refine=tuple(block(cell, old) for cell, old in zip(decoder.refine, spec.refine, strict=True)),
        last=kept.norm(decoder.reduce.norm).channels,
    )


PARTS = {"encoder": "backbone", "decoder": "decoder", "auxiliary": "decoder"}
register_narrowing(MMNet, Narrowing(PARTS, narrow_mmnet))
