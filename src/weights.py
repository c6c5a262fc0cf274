"""PyTorch parameter names to ours: official MODNet, ModelCompression, MobileNetV2 backbone, EfficientNet-Lite0.

Everything works on plain `{name: numpy array}` dictionaries, so neither framework is needed here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from src.errors import CheckpointError
from src.spec import (
    BlockSpec,
    EncoderSpec,
    ModNetSpec,
    Norm,
    efficientnet_lite0_encoder,
    mobilenetv2_encoder,
    modnet_spec,
)

State = dict[str, np.ndarray]
KINDS = ("official", "backbone", "compression", "efficientnet_lite0")

_CONV = {"weight": "weight"}
_CONV_BIAS = {"weight": "weight", "bias": "bias"}
_BN = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


@dataclass(frozen=True)
class Conversion:
    """What came over and what did not; `problems` is empty for a faithful conversion.

    Attributes:
        network: "modnet" or "encoder".
        spec: of the whole network, or of the encoder alone.
        state: our names -> float32 arrays.
        problems: one line for each missing, unexpected or mis-shaped tensor.
    """

    kind: str
    network: str
    spec: ModNetSpec | EncoderSpec
    state: State
    problems: tuple[str, ...]


def recognise(names: list[str]) -> str:
    """The kind of a checkpoint by its parameter names; raises CheckpointError for a foreign one."""
    names = [_plain(name) for name in names]
    if any(name.startswith("_conv_stem.") for name in names):
        return "efficientnet_lite0"
    if any(name.startswith("f_branch.") for name in names):
        return "compression" if any(".features.0.cbr." in name for name in names) else "official"
    if any(re.match(r"(backbone\.)?(model\.)?features\.0\.", name) for name in names):
        return "backbone"
    raise CheckpointError(
        f"None of the known layouts ({', '.join(KINDS)}) fits this file; its first names are "
        f"{', '.join(names[:3]) or '(none)'}. Give a PyTorch state dict of MODNet, of its MobileNetV2 backbone, "
        "of ModelCompression's networks or of EfficientNet-Lite0."
    )


def convert(
    state: Mapping[str, np.ndarray], kind: str = "auto", prune_info: dict[str, Any] | None = None
) -> Conversion:
    """Rename and check every tensor of a PyTorch state dict.

    Args:
        state: PyTorch names -> arrays; a leading `module.` is ignored.
        kind: one of `KINDS`, or "auto" to recognise the file.
        prune_info: ModelCompression's side file, which tells a pruned network's channel numbers.
    """
    kind = recognise(list(state)) if kind == "auto" else kind
    if prune_info is not None and kind != "compression":
        raise CheckpointError(f"A prune info file belongs to a ModelCompression network, but the weights are '{kind}'.")
    source = {_plain(name): np.asarray(array) for name, array in state.items()}
    if kind == "efficientnet_lite0":
        encoder = efficientnet_lite0_encoder()
        return _match(kind, "encoder", encoder, source, _efficientnet_names(encoder), unused=("_fc.",))
    if kind == "backbone":
        encoder = mobilenetv2_encoder()
        source = {re.sub(r"^(backbone\.)?(model\.)?", "", name): array for name, array in source.items()}
        return _match(
            kind, "encoder", encoder, source, _mobilenet_names(encoder, "", cbr=False), unused=("classifier.",)
        )
    spec = modnet_spec() if prune_info is None else compression_spec(prune_info)
    return _match(kind, "modnet", spec, source, _modnet_names(spec, cbr=kind == "compression"))


def _plain(name: str) -> str:
    return name.removeprefix("module.")


def compression_spec(info: dict[str, Any]) -> ModNetSpec:
    """Spec of a MODNet-P from ModelCompression's JSON side file.

    Its network keeps one base width int(32 * (1 - ratio)) for the high-resolution and fusion branches, and has
    a shortcut wherever the pruned channel counts happen to be equal at stride 1.
    """
    try:
        stem, *outs, head = (int(v) for v in info["new_cfg"])
        expansions = [int(v) for v in info["new_expansion_cfg"]]
        lr8x, lr16x = (int(v) for v in info["new_lr_channels"])
        hr = int(32 * (1 - float(info["ratio"])))
        template = mobilenetv2_encoder()
        blocks, channels = [], stem
        for block, out, expansion in zip(template.blocks, outs, expansions, strict=True):
            residual = block.stride == 1 and channels == out
            blocks.append(BlockSpec(channels * expansion, out, block.kernel, block.stride, residual, expansion != 1))
            channels = out
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"The prune info cannot be used ({error!r}). Wanted: ModelCompression's JSON with ratio, new_cfg (19 "
            "numbers), new_expansion_cfg (17) and new_lr_channels (2)."
        ) from error
    encoder = replace(template, stem=stem, blocks=tuple(blocks), head=head)
    return replace(modnet_spec(encoder, hr=hr, lr16x=lr16x, lr8x=lr8x), lr8x=Norm.half(lr8x))


def _match(
    kind: str,
    network: str,
    spec: ModNetSpec | EncoderSpec,
    source: State,
    names: Iterator[tuple[str, str, tuple[int, ...] | None]],
    unused: tuple[str, ...] = (),
) -> Conversion:
    state, problems, seen = {}, [], set()
    for theirs, ours, shape in names:
        seen.add(theirs)
        if theirs not in source:
            problems.append(f"missing: {theirs} (for {ours})")
        elif shape is not None and source[theirs].shape != shape:
            problems.append(f"mis-shaped: {theirs} is {list(source[theirs].shape)}, wanted {list(shape)}")
        else:
            state[ours] = np.ascontiguousarray(source[theirs], dtype=np.float32)
    problems += _leftovers(source, seen, unused)
    return Conversion(kind, network, spec, state, tuple(problems))


def _leftovers(source: State, seen: set[str], unused: tuple[str, ...]) -> list[str]:
    """Names nobody asked for. The official file stores the backbone twice: the copies must agree."""
    problems = []
    for name in source:
        if name in seen or name.endswith("num_batches_tracked") or name.startswith(unused or ("\0",)):
            continue
        twin = name.removeprefix("lr_branch.")
        if twin != name and twin in source:
            if not np.array_equal(source[name], source[twin]):
                problems.append(f"contradicting: {name} and {twin} hold different values")
        else:
            problems.append(f"unexpected: {name}")
    return problems


Name = tuple[str, str, tuple[int, ...]]


def _pairs(theirs: str, ours: str, names: dict[str, str], shapes: dict[str, tuple[int, ...]]) -> Iterator[Name]:
    for their_leaf, our_leaf in names.items():
        yield f"{theirs}.{their_leaf}", f"{ours}.{our_leaf}", shapes[their_leaf]


def _conv(theirs: str, ours: str, shape: tuple[int, ...], bias: bool = False) -> Iterator[Name]:
    yield from _pairs(theirs, ours, _CONV_BIAS if bias else _CONV, {"weight": shape, "bias": shape[:1]})


def _bn(theirs: str, ours: str, channels: int) -> Iterator[Name]:
    yield from _pairs(theirs, ours, _BN, dict.fromkeys(_BN, (channels,)))


def encoder_block_names(spec: EncoderSpec) -> Iterator[tuple[int, BlockSpec, int, str]]:
    """(index, block, input channels, our prefix) of every block, in order."""
    channels = spec.stem
    for i, block in enumerate(spec.blocks):
        if i < spec.taps[0]:
            ours = f"encoder.to2x.{i}"
        elif i < spec.taps[1]:
            ours = f"encoder.to4x.{i - spec.taps[0]}"
        else:
            ours = f"encoder.to32x.{i - spec.taps[1]}"
        yield i, block, channels, ours
        channels = block.out


def _mobilenet_names(spec: EncoderSpec, prefix: str, cbr: bool) -> Iterator[Name]:
    """torch MobileNetV2: `features.N.conv.K`; ModelCompression wraps the outer convolutions as `cbr`."""
    wrap = "cbr." if cbr else ""
    yield from _conv(f"{prefix}features.0.{wrap}0", "encoder.stem.conv", (spec.stem, 3, 3, 3))
    yield from _bn(f"{prefix}features.0.{wrap}1", "encoder.stem.norm.bnorm", spec.stem)
    for i, block, channels, ours in encoder_block_names(spec):
        theirs, at, hidden = f"{prefix}features.{i + 1}.conv", 0, block.hidden
        if block.expand:
            yield from _conv(f"{theirs}.0", f"{ours}.expand.conv", (hidden, channels, 1, 1))
            yield from _bn(f"{theirs}.1", f"{ours}.expand.norm.bnorm", hidden)
            at = 3
        yield from _conv(f"{theirs}.{at}", f"{ours}.depthwise.conv", (hidden, 1, block.kernel, block.kernel))
        yield from _bn(f"{theirs}.{at + 1}", f"{ours}.depthwise.norm.bnorm", hidden)
        yield from _conv(f"{theirs}.{at + 3}", f"{ours}.project.conv", (block.out, hidden, 1, 1))
        yield from _bn(f"{theirs}.{at + 4}", f"{ours}.project.norm.bnorm", block.out)
    last = len(spec.blocks) + 1
    yield from _conv(f"{prefix}features.{last}.{wrap}0", "encoder.head.conv", (spec.head, spec.blocks[-1].out, 1, 1))
    yield from _bn(f"{prefix}features.{last}.{wrap}1", "encoder.head.norm.bnorm", spec.head)


def _efficientnet_names(spec: EncoderSpec) -> Iterator[Name]:
    yield from _conv("_conv_stem", "encoder.stem.conv", (spec.stem, 3, 3, 3))
    yield from _bn("_bn0", "encoder.stem.norm.bnorm", spec.stem)
    for i, block, channels, ours in encoder_block_names(spec):
        theirs, hidden = f"_blocks.{i}", block.hidden
        if block.expand:
            yield from _conv(f"{theirs}._expand_conv", f"{ours}.expand.conv", (hidden, channels, 1, 1))
            yield from _bn(f"{theirs}._bn0", f"{ours}.expand.norm.bnorm", hidden)
        depthwise = (hidden, 1, block.kernel, block.kernel)
        yield from _conv(f"{theirs}._depthwise_conv", f"{ours}.depthwise.conv", depthwise)
        yield from _bn(f"{theirs}._bn1", f"{ours}.depthwise.norm.bnorm", hidden)
        yield from _conv(f"{theirs}._project_conv", f"{ours}.project.conv", (block.out, hidden, 1, 1))
        yield from _bn(f"{theirs}._bn2", f"{ours}.project.norm.bnorm", block.out)
    yield from _conv("_conv_head", "encoder.head.conv", (spec.head, spec.blocks[-1].out, 1, 1))
    yield from _bn("_bn1", "encoder.head.norm.bnorm", spec.head)


def branch_units(spec: ModNetSpec) -> list[tuple[str, str, int, Norm, int]]:
    """(PyTorch name, our name, input channels, norm, kernel) of every ConvIBNormRelu of the three branches."""
    c2, c4 = spec.encoder.tap_channels
    lr8x, hr2x = spec.lr8x.channels, spec.hr2x[-1].channels
    rows = [
        ("lr_branch.conv_lr16x", "lr_branch.conv_lr16x", spec.encoder.head, spec.lr16x, 5),
        ("lr_branch.conv_lr8x", "lr_branch.conv_lr8x", spec.lr16x.channels, spec.lr8x, 5),
        ("hr_branch.tohr_enc2x", "hr_branch.tohr_enc2x", c2, spec.tohr_enc2x, 1),
        ("hr_branch.conv_enc2x", "hr_branch.conv_enc2x", spec.tohr_enc2x.channels + 3, spec.conv_enc2x, 3),
        ("hr_branch.tohr_enc4x", "hr_branch.tohr_enc4x", c4, spec.tohr_enc4x, 1),
        ("hr_branch.conv_enc4x", "hr_branch.conv_enc4x",
         spec.conv_enc2x.channels + spec.tohr_enc4x.channels, spec.conv_enc4x, 3),
    ]  # fmt: skip
    for chain, norms, channels in (
        ("hr_branch.conv_hr4x", spec.hr4x, spec.conv_enc4x.channels + lr8x + 3),
        ("hr_branch.conv_hr2x", spec.hr2x, spec.hr4x[-1].channels + spec.tohr_enc2x.channels),
    ):
        for i, norm in enumerate(norms):
            rows.append((f"{chain}.{i}", f"{chain}.{i}", channels, norm, 3))
            channels = norm.channels
    rows += [
        ("hr_branch.conv_hr.0", "hr_branch.conv_hr", hr2x + 3, spec.detail, 3),
        ("f_branch.conv_lr4x", "f_branch.conv_lr4x", lr8x, spec.lr4x, 5),
        ("f_branch.conv_f2x", "f_branch.conv_f2x", spec.lr4x.channels + hr2x, spec.f2x, 3),
        ("f_branch.conv_f.0", "f_branch.conv_f", spec.f2x.channels + 3, spec.fusion, 3),
    ]
    return rows


def _modnet_names(spec: ModNetSpec, cbr: bool) -> Iterator[Name]:
    yield from _mobilenet_names(spec.encoder, "backbone.model.", cbr)
    head, se = spec.encoder.head, spec.se_hidden
    yield "lr_branch.se_block.fc.0.weight", "lr_branch.se.fc1.weight", (se, head)
    yield "lr_branch.se_block.fc.2.weight", "lr_branch.se.fc2.weight", (head, se)
    for theirs, ours, channels, norm, kernel in branch_units(spec):
        shape = (norm.channels, channels, kernel, kernel)
        yield from _conv(f"{theirs}.layers.0", f"{ours}.conv", shape, bias=True)
        yield from _bn(f"{theirs}.layers.1.bnorm", f"{ours}.norm.bnorm", norm.bn)
    lr8x, detail, fusion = spec.lr8x.channels, spec.detail.channels, spec.fusion.channels
    yield from _conv("lr_branch.conv_lr.layers.0", "lr_branch.head.conv", (1, lr8x, 3, 3), bias=True)
    yield from _conv("hr_branch.conv_hr.1.layers.0", "hr_branch.head.conv", (1, detail, 1, 1), bias=True)
    yield from _conv("f_branch.conv_f.1.layers.0", "f_branch.head.conv", (1, fusion, 1, 1), bias=True)
