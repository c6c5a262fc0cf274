"""MobileNetV2, width 1.0 (Sandler et al. 2018), the backbone of MODNet's paper."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ...spec.encoder import EncoderSpec, inverted_residuals
from ..tensor_names import TensorName, encoder_block_names, unit_names
from .registry import Backbone, Pretrained, register

_PREFIX = r"(?:backbone\.)?(?:model\.)?"


def encoder() -> EncoderSpec:
    """The paper's table 2, without the classifier."""
    #        t   c   n  s  k
    rows = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 32, 3, 2, 3), (6, 64, 4, 2, 3),
            (6, 96, 3, 1, 3), (6, 160, 3, 2, 3), (6, 320, 1, 1, 3)]  # fmt: skip
    return EncoderSpec("mobilenetv2", 32, inverted_residuals(32, rows), 1280, taps=(1, 3))


def tensors(spec: EncoderSpec, prefix: str = "", cbr: bool = False) -> Iterator[TensorName]:
    """As torchvision names them, `features.N.conv.K`.

    Args:
        spec: of the encoder, pruned or not.
        prefix: before their names, in a file of a whole network.
        cbr: ModelCompression's names: it wraps the outer convolutions as `cbr`.
    """
    features, wrap = f"{prefix}features", "cbr." if cbr else ""
    stem, head = f"{features}.0.{wrap}", f"{features}.{len(spec.blocks) + 1}.{wrap}"
    yield from unit_names((f"{stem}0", f"{stem}1"), "encoder.stem", (spec.stem, 3, 3, 3))
    for i, block, channels, ours in encoder_block_names(spec):
        theirs, at, hidden = f"{features}.{i + 1}.conv", 0, block.hidden
        if block.expand:
            yield from unit_names((f"{theirs}.0", f"{theirs}.1"), f"{ours}.expand", (hidden, channels, 1, 1))
            at = 3
        depthwise, project = (f"{theirs}.{at}", f"{theirs}.{at + 1}"), (f"{theirs}.{at + 3}", f"{theirs}.{at + 4}")
        yield from unit_names(depthwise, f"{ours}.depthwise", (hidden, 1, block.kernel, block.kernel))
        yield from unit_names(project, f"{ours}.project", (block.out, hidden, 1, 1))
    yield from unit_names((f"{head}0", f"{head}1"), "encoder.head", (spec.head, spec.blocks[-1].out, 1, 1))


def recognises(names: Sequence[str]) -> bool:
    """Whether these are a MobileNetV2's names, as torchvision and MODNet have them."""
    return any(re.match(rf"{_PREFIX}features\.0\.", name) for name in names)


register(
    Backbone(
        name="mobilenetv2",
        encoder=encoder,
        tensors=tensors,
        recognises=recognises,
        pretrained=Pretrained(
            path=Path("pretrained/mindspore_mobilenetv2_human_seg.ckpt"),
            advice="download mobilenetv2_human_seg.ckpt into pretrained/ (pretrained/README.md says where) and run "
            "`python get_init_weight.py`",
            original="mobilenetv2_human_seg",
        ),
        kind="backbone",
        prefix=_PREFIX,
        unused=("classifier.",),
    )
)
