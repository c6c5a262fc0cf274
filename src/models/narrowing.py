"""What pruning has to know of each network class: its parts, and how narrower layers become a spec again."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mindspore import nn

from ..common.errors import NetworkError
from ..spec.blocks import Norm
from ..spec.encoder import EncoderSpec
from ..spec.mmnet import JoinSpec, MMNetSpec, MultiBranchSpec
from ..spec.modnet import ModNetSpec
from ..spec.serialisation import NetworkSpec
from .encoder import Encoder
from .layers import NormAct, SqueezeExcite
from .mmnet import Join, MMNet, MultiBranch
from .modnet import MODNet


@dataclass(frozen=True)
class Kept:
    """What is left of a network's layers: of a norm's two kinds of channels, and of a gate's hidden layer."""

    norm: Callable[[NormAct], Norm]
    hidden: Callable[[SqueezeExcite], int]


@dataclass(frozen=True)
class Narrowing:
    """
    Attributes:
        parts: the network's direct cells -> the part that they belong to.
        spec: the narrower spec of a network. Whatever has no width (strides, kernels, shortcuts) stays.
    """

    parts: dict[str, str]
    spec: Callable[[nn.Cell, Kept], NetworkSpec]


def _encoder(encoder: Encoder, spec: EncoderSpec, kept: Kept) -> EncoderSpec:
    cells = [*encoder.to2x, *encoder.to4x, *encoder.to32x]
    blocks = [
        replace(block, hidden=kept.norm(cell.depthwise.norm).channels, out=kept.norm(cell.project.norm).channels)
        for block, cell in zip(spec.blocks, cells, strict=True)
    ]
    stem, head = kept.norm(encoder.stem.norm).channels, kept.norm(encoder.head.norm).channels
    return replace(spec, stem=stem, blocks=tuple(blocks), head=head)


def _modnet(network: MODNet, kept: Kept) -> ModNetSpec:
    lr, hr, fusion = network.lr_branch, network.hr_branch, network.f_branch
    easpp = network.spec.easpp
    return replace(
        network.spec,
        encoder=_encoder(network.encoder, network.spec.encoder, kept),
        se_hidden=kept.hidden(lr.se),
        lr16x=kept.norm((lr.easpp.project if easpp else lr.conv_lr16x).norm),
        lr8x=kept.norm(lr.conv_lr8x.norm),
        tohr_enc2x=kept.norm(hr.tohr_enc2x.norm),
        conv_enc2x=kept.norm(hr.conv_enc2x.norm),
        tohr_enc4x=kept.norm(hr.tohr_enc4x.norm),
        conv_enc4x=kept.norm(hr.conv_enc4x.norm),
        hr4x=tuple(kept.norm(cell.norm) for cell in hr.conv_hr4x),
        hr2x=tuple(kept.norm(cell.norm) for cell in hr.conv_hr2x),
        detail=kept.norm(hr.conv_hr.norm),
        lr4x=kept.norm(fusion.conv_lr4x.norm),
        f2x=kept.norm(fusion.conv_f2x.norm),
        fusion=kept.norm(fusion.conv_f.norm),
        easpp=easpp and replace(easpp, channels=kept.norm(lr.easpp.reduce.norm).channels),
    )


def _mmnet(network: MMNet, kept: Kept) -> MMNetSpec:
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


_MODNET_PARTS = {"encoder": "backbone", "lr_branch": "lr", "hr_branch": "hr", "f_branch": "fusion"}
_MMNET_PARTS = {"encoder": "backbone", "decoder": "decoder", "auxiliary": "decoder"}
NARROWINGS: dict[type, Narrowing] = {
    MODNet: Narrowing(_MODNET_PARTS, _modnet),
    MMNet: Narrowing(_MMNET_PARTS, _mmnet),
}


def narrowing_of(network: nn.Cell) -> Narrowing:
    """The entry of a network's class; NetworkError where there is none."""
    if type(network) not in NARROWINGS:
        raise NetworkError(
            f"A {type(network).__name__} cannot be pruned: nothing says how its narrower layers become a spec. "
            "Add an entry to src/models/narrowing.py."
        )
    return NARROWINGS[type(network)]


def part_of(network: nn.Cell, layer: str) -> str:
    """The part that a layer belongs to by its name."""
    first = layer.partition(".")[0]
    return narrowing_of(network).parts.get(first, first)
