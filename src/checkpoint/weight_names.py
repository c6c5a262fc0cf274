"""Names and shapes of every tensor of the known PyTorch networks, beside our names.

Sources: the official MODNet, its pruned networks in ModelCompression, torchvision's MobileNetV2, EfficientNet-PyTorch.
"""

from collections.abc import Iterator

from ..spec.blocks import BlockSpec, Norm
from ..spec.encoder import EncoderSpec
from ..spec.modnet import ModNetSpec

_CONV = {"weight": "weight"}
_CONV_BIAS = {"weight": "weight", "bias": "bias"}
_BN = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}

Name = tuple[str, str, tuple[int, ...]]  # theirs, ours, shape


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


def mobilenet_names(spec: EncoderSpec, prefix: str, cbr: bool) -> Iterator[Name]:
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


def efficientnet_names(spec: EncoderSpec) -> Iterator[Name]:
    """EfficientNet-PyTorch's EfficientNet-Lite: `_blocks.N._expand_conv`."""
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


def modnet_names(spec: ModNetSpec, cbr: bool) -> Iterator[Name]:
    """A whole MODNet on MobileNetV2; `cbr`: as ModelCompression has it."""
    yield from mobilenet_names(spec.encoder, "backbone.model.", cbr)
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
