"""Names and shapes of every tensor of MODNet's PyTorch networks, beside our names.

Sources: the official MODNet, and its pruned networks in ModelCompression. The encoders' names are those of
`src/models/backbones/`.
"""

from collections.abc import Iterator

from ..models.backbones import mobilenetv2
from ..models.tensor_names import TensorName, conv_names, norm_names
from ..spec.blocks import Norm
from ..spec.modnet import ModNetSpec


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


def modnet_names(spec: ModNetSpec, cbr: bool) -> Iterator[TensorName]:
    """A whole MODNet on MobileNetV2; `cbr`: as ModelCompression has it."""
    yield from mobilenetv2.tensors(spec.encoder, "backbone.model.", cbr)
    head, se = spec.encoder.head, spec.se_hidden
    yield "lr_branch.se_block.fc.0.weight", "lr_branch.se.fc1.weight", (se, head)
    yield "lr_branch.se_block.fc.2.weight", "lr_branch.se.fc2.weight", (head, se)
    for theirs, ours, channels, norm, kernel in branch_units(spec):
        shape = (norm.channels, channels, kernel, kernel)
        yield from conv_names(f"{theirs}.layers.0", f"{ours}.conv", shape, bias=True)
        yield from norm_names(f"{theirs}.layers.1.bnorm", f"{ours}.norm.bnorm", norm.bn)
    lr8x, detail, fusion = spec.lr8x.channels, spec.detail.channels, spec.fusion.channels
    yield from conv_names("lr_branch.conv_lr.layers.0", "lr_branch.head.conv", (1, lr8x, 3, 3), bias=True)
    yield from conv_names("hr_branch.conv_hr.1.layers.0", "hr_branch.head.conv", (1, detail, 1, 1), bias=True)
    yield from conv_names("f_branch.conv_f.1.layers.0", "f_branch.head.conv", (1, fusion, 1, 1), bias=True)
