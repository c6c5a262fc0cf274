"""MODNet (Ke et al., "MODNet: Real-Time Trimap-Free Portrait Matting via Objective Decomposition", AAAI 2022)."""

from collections.abc import Iterable
from dataclasses import replace

import mindspore as ms
from mindspore import nn

from ..spec.blocks import Norm
from ..spec.modnet import ModNetSpec
from .easpp import EfficientAspp
from .encoder import Encoder, narrow_encoder
from .layers import AttentionMap, Concat, SqueezeExcite
from .maps import Downsample, ToLayout, sharing
from .narrowing import Kept, Narrowing, register_narrowing
from .units import ConvNormAct, MatteHead

COLOURS = 3  # an image's channels


def unit(in_channels: int, norm: Norm, kernel: int, stride: int = 1, constant: int = 0) -> ConvNormAct:
    """Convolution with bias, IBNorm and ReLU: what the three branches are made of."""
    return ConvNormAct(in_channels, norm, kernel, stride, bias=True, constant=constant)


def chain(in_channels: int, norms: tuple[Norm, ...], constant: int = 0) -> nn.SequentialCell:
    """3x3 units one after another, one for each entry of `norms`; the first one's input has `constant` channels."""
    widths = [in_channels, *(norm.channels for norm in norms)]
    units = [
        unit(width, norm, 3, constant=constant * (i == 0))
        for i, (width, norm) in enumerate(zip(widths, norms, strict=False))
    ]
    return nn.SequentialCell(units)


class LowResolutionBranch(nn.Cell):
    """Semantics: the encoder's deepest map -> gated and upsampled map at 1/8; its head gives a matte at 1/16."""

    def __init__(self, spec: ModNetSpec) -> None:
        super().__init__()
        self.se = SqueezeExcite(spec.encoder.head, spec.se_hidden)
        self.upsample = Concat(True)
        self.has_easpp = spec.easpp is not None
        if spec.easpp is not None:
            self.easpp = EfficientAspp(spec.encoder.head, spec.easpp, spec.lr16x)
        else:
            self.conv_lr16x = unit(spec.encoder.head, spec.lr16x, 5)
        self.conv_lr8x = unit(spec.lr16x.channels, spec.lr8x, 5)
        self.head = MatteHead(spec.lr8x.channels, 3, stride=2)

    def construct(self, enc32x: ms.Tensor) -> ms.Tensor:
        """The deepest map -> one at 1/8 of the image's sides."""
        gated = self.se(enc32x)
        lr16x = self.easpp(gated) if self.has_easpp else self.conv_lr16x(self.upsample(gated))
        return self.conv_lr8x(self.upsample(lr16x))


class HighResolutionBranch(nn.Cell):
    """Details: image and shallow maps, led by the semantics -> map at 1/2; its head gives the matte's details."""

    def __init__(self, spec: ModNetSpec) -> None:
        super().__init__()
        c2, c4 = spec.encoder.tap_channels
        to2x, to4x, enc2x, enc4x = spec.tohr_enc2x, spec.tohr_enc4x, spec.conv_enc2x, spec.conv_enc4x
        self.tohr_enc2x = unit(c2, to2x, 1)
        self.conv_enc2x = unit(3 + to2x.channels, enc2x, 3, stride=2)
        self.tohr_enc4x = unit(c4, to4x, 1)
        self.conv_enc4x = unit(enc2x.channels + to4x.channels, enc4x, 3)
        self.conv_hr4x = chain(enc4x.channels + spec.lr8x.channels + COLOURS, spec.hr4x, COLOURS)
        self.conv_hr2x = chain(spec.hr4x[-1].channels + to2x.channels, spec.hr2x)
        self.conv_hr = unit(spec.hr2x[-1].channels + COLOURS, spec.detail, 3, constant=COLOURS)
        self.head = MatteHead(spec.detail.channels, 1)
        self.join = Concat(False, False)
        self.join3 = Concat(False, False, False)
        self.join_upsampled = Concat(True, False)
        self.share = sharing()

    def construct(
        self, image2x: ms.Tensor, image4x: ms.Tensor, enc2x: ms.Tensor, enc4x: ms.Tensor, lr4x: ms.Tensor
    ) -> ms.Tensor:
        """Images and maps at 1/2 and 1/4 of the sides -> a map at 1/2."""
        enc2x, skip = self.share(self.tohr_enc2x(enc2x))
        hr4x = self.conv_enc2x(self.join(image2x, enc2x))
        hr4x = self.conv_enc4x(self.join(hr4x, self.tohr_enc4x(enc4x)))
        hr4x = self.conv_hr4x(self.join3(hr4x, lr4x, image4x))
        return self.conv_hr2x(self.join_upsampled(hr4x, skip))

    def detail(self, hr2x: ms.Tensor, image: ms.Tensor) -> ms.Tensor:
        """[N, 1, H, W] in [0, 1]; only training needs it."""
        return self.head(self.conv_hr(self.join_upsampled(hr2x, image)))


class FusionBranch(nn.Cell):
    """Semantics and details -> matte [N, 1, H, W] in [0, 1]."""

    def __init__(self, spec: ModNetSpec) -> None:
        super().__init__()
        self.conv_lr4x = unit(spec.lr8x.channels, spec.lr4x, 5)
        self.conv_f2x = unit(spec.lr4x.channels + spec.hr2x[-1].channels, spec.f2x, 3)
        self.conv_f = unit(spec.f2x.channels + COLOURS, spec.fusion, 3, constant=COLOURS)
        self.head = MatteHead(spec.fusion.channels, 1)
        self.join_upsampled = Concat(True, False)

    def construct(self, image: ms.Tensor, lr4x: ms.Tensor, hr2x: ms.Tensor) -> ms.Tensor:
        """The image's map, and maps at 1/4 and 1/2 of its sides -> alpha [N, 1, H, W] in [0, 1]."""
        f2x = self.conv_f2x(self.join_upsampled(self.conv_lr4x(lr4x), hr2x))
        return self.head(self.conv_f(self.join_upsampled(f2x, image)))


class MODNet(nn.Cell):
    """Portrait matting network of any width.

    Input: [N, 3, H, W], RGB normalised as the checkpoint's `Preprocess` says, sides multiples of 32.
    Output in inference (`set_train(False)`): matte [N, 1, H, W] in [0, 1].
    Output in training: semantic [N, 1, H/16, W/16], detail and matte [N, 1, H, W], all in [0, 1]; and where
    `returns_maps` is set, the energies of the maps at 1/8 and 1/2 of the side (see `AttentionMap`), for distillation.
    """

    def __init__(self, spec: ModNetSpec) -> None:
        super().__init__()
        self.spec = spec
        self.half, self.quarter = Downsample(2), Downsample(4)
        self.to_layout = ToLayout()
        self.encoder = Encoder(spec.encoder)
        self.lr_branch = LowResolutionBranch(spec)
        self.hr_branch = HighResolutionBranch(spec)
        self.f_branch = FusionBranch(spec)
        self.upsample = Concat(True)
        self.attention = AttentionMap()
        self.returns_maps = False
        self.shares = nn.CellList([sharing() for _ in range(5)])

    def construct(self, image: ms.Tensor) -> ms.Tensor | tuple[ms.Tensor, ...]:
        """Image [N, 3, H, W], normalised -> what the class says, float32 in [0, 1]."""
        image2x, image4x = self.to_layout(self.half(image)), self.to_layout(self.quarter(image))
        image = self.to_layout(image)
        enc2x, enc4x, enc32x = self.encoder(image)
        lr8x = self.lr_branch(enc32x)
        if not self.training:
            lr4x = self.upsample(lr8x)
            return self.f_branch(image, lr4x, self.hr_branch(image2x, image4x, enc2x, enc4x, lr4x))
        lr8x, lr8x_head = self.shares[0](lr8x)
        lr4x, lr4x_f = self.shares[1](self.upsample(lr8x))
        hr2x, hr2x_detail = self.shares[2](self.hr_branch(image2x, image4x, enc2x, enc4x, lr4x))
        maps: tuple[ms.Tensor, ...] = ()
        if self.returns_maps:
            lr8x_head, lr8x_map = self.shares[3](lr8x_head)
            hr2x_detail, hr2x_map = self.shares[4](hr2x_detail)
            maps = self.attention(lr8x_map), self.attention(hr2x_map)
        matte = self.f_branch(image, lr4x_f, hr2x)
        return self.lr_branch.head(lr8x_head), self.hr_branch.detail(hr2x_detail, image), matte, *maps


def _three(norms: Iterable[Norm]) -> tuple[Norm, Norm, Norm]:
    first, second, third = norms
    return first, second, third


def _four(norms: Iterable[Norm]) -> tuple[Norm, Norm, Norm, Norm]:
    first, second, third, fourth = norms
    return first, second, third, fourth


def narrow_modnet(network: MODNet, kept: Kept) -> ModNetSpec:
    """The spec of what is left of a MODNet."""
    lr, hr, fusion = network.lr_branch, network.hr_branch, network.f_branch
    easpp = network.spec.easpp
    return replace(
        network.spec,
        encoder=narrow_encoder(network.encoder, network.spec.encoder, kept),
        se_hidden=kept.hidden(lr.se),
        lr16x=kept.norm((lr.easpp.project if easpp else lr.conv_lr16x).norm),
        lr8x=kept.norm(lr.conv_lr8x.norm),
        tohr_enc2x=kept.norm(hr.tohr_enc2x.norm),
        conv_enc2x=kept.norm(hr.conv_enc2x.norm),
        tohr_enc4x=kept.norm(hr.tohr_enc4x.norm),
        conv_enc4x=kept.norm(hr.conv_enc4x.norm),
        hr4x=_three(kept.norm(cell.norm) for cell in hr.conv_hr4x),
        hr2x=_four(kept.norm(cell.norm) for cell in hr.conv_hr2x),
        detail=kept.norm(hr.conv_hr.norm),
        lr4x=kept.norm(fusion.conv_lr4x.norm),
        f2x=kept.norm(fusion.conv_f2x.norm),
        fusion=kept.norm(fusion.conv_f.norm),
        easpp=easpp and replace(easpp, channels=kept.norm(lr.easpp.reduce.norm).channels),
    )


PARTS = {"encoder": "backbone", "lr_branch": "lr", "hr_branch": "hr", "f_branch": "fusion"}
register_narrowing(MODNet, Narrowing(PARTS, narrow_modnet))
