"""A backbone as somebody outside of the project would add it: one file, which registers itself where it is imported.

Another activation than ReLU6, the first tap after the stem, other names in PyTorch, few channels.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from src.models.backbones import Backbone, Pretrained, register
from src.models.tensor_names import TensorName, encoder_block_names, unit_names
from src.spec.encoder import EncoderSpec, inverted_residuals


def encoder() -> EncoderSpec:
    rows = [(2, 8, 2, 2, 3), (2, 10, 1, 2, 5), (2, 12, 1, 2, 3), (1, 12, 1, 2, 3), (2, 12, 1, 1, 3)]
    return EncoderSpec("tinynet", 6, inverted_residuals(6, rows), 16, taps=(0, 2), bn_eps=1e-3, act="hswish")


def tensors(spec: EncoderSpec) -> Iterator[TensorName]:
    yield from unit_names(("entry.conv", "entry.norm"), "encoder.stem", (spec.stem, 3, 3, 3))
    for i, block, channels, ours in encoder_block_names(spec):
        shapes = {
            "expand": (block.hidden, channels, 1, 1),
            "depthwise": (block.hidden, 1, block.kernel, block.kernel),
            "project": (block.out, block.hidden, 1, 1),
        }
        for part, shape in shapes.items():
            if part != "expand" or block.expand:
                yield from unit_names((f"stages.{i}.{part}.conv", f"stages.{i}.{part}.norm"), f"{ours}.{part}", shape)
    yield from unit_names(("exit.conv", "exit.norm"), "encoder.head", (spec.head, spec.blocks[-1].out, 1, 1))


def recognises(names: Sequence[str]) -> bool:
    return "entry.conv.weight" in [name.removeprefix("net.") for name in names]


register(
    Backbone(
        name="tinynet",
        encoder=encoder,
        tensors=tensors,
        recognises=recognises,
        pretrained=Pretrained(Path("pretrained/mindspore_tinynet.ckpt"), "train a tinynet", original="tinynet"),
        prefix=r"net\.",
        unused=("classes.",),
    )
)
