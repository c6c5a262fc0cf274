"""Names of PyTorch's tensors beside ours: what the files of backbones and of networks list them with."""

from collections.abc import Iterator

from ..spec.blocks import BlockSpec
from ..spec.encoder import EncoderSpec

_CONV = {"weight": "weight"}
_CONV_BIAS = {"weight": "weight", "bias": "bias"}
_NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}

TensorName = tuple[str, str, tuple[int, ...]]  # theirs, ours, shape


def _pairs(theirs: str, ours: str, names: dict[str, str], shapes: dict[str, tuple[int, ...]]) -> Iterator[TensorName]:
    for their_leaf, our_leaf in names.items():
        yield f"{theirs}.{their_leaf}", f"{ours}.{our_leaf}", shapes[their_leaf]


def conv_names(theirs: str, ours: str, shape: tuple[int, ...], bias: bool = False) -> Iterator[TensorName]:
    """A convolution's weight of that shape [out, in / group, k, k] and, with `bias`, its bias [out]."""
    yield from _pairs(theirs, ours, _CONV_BIAS if bias else _CONV, {"weight": shape, "bias": shape[:1]})


def norm_names(theirs: str, ours: str, channels: int) -> Iterator[TensorName]:
    """A batch norm's scale, shift, mean and variance."""
    yield from _pairs(theirs, ours, _NORM, dict.fromkeys(_NORM, (channels,)))


def unit_names(theirs: tuple[str, str], ours: str, shape: tuple[int, ...]) -> Iterator[TensorName]:
    """A convolution without bias and the batch norm after it; `theirs` names the two."""
    conv, norm = theirs
    yield from conv_names(conv, f"{ours}.conv", shape)
    yield from norm_names(norm, f"{ours}.norm.bnorm", shape[0])


def encoder_block_names(spec: EncoderSpec) -> Iterator[tuple[int, BlockSpec, int, str]]:
    """(index, block, input channels, our prefix) of every block, in order."""
    first, second = spec.taps
    for i, block in enumerate(spec.blocks):
        if i < first:
            ours = f"encoder.to2x.{i}"
        elif i < second:
            ours = f"encoder.to4x.{i - first}"
        else:
            ours = f"encoder.to32x.{i - second}"
        yield i, block, spec.channels_after(i), ours
