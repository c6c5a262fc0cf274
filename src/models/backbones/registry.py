"""What a backbone has to say of itself, and the registry of those that are known."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...common.errors import ConfigError
from ...common.text import nearest
from ...spec.encoder import EncoderSpec
from ..tensor_names import TensorName


@dataclass(frozen=True)
class Pretrained:
    """Where a backbone's trained weights come from.

    Attributes:
        path: the converted checkpoint that train.py looks for.
        advice: how to get it, as one point of a list of advice: lower case, no full stop.
        original: start of the PyTorch file's name, for which get_init_weight.py writes `path`; "": none.
        locate: finds the PyTorch file in an installed package; CheckpointError where that is not installed. Then
            get_init_weight.py takes the backbone's name in place of a file.
    """

    path: Path
    advice: str
    original: str = ""
    locate: Callable[[], Path] | None = None


@dataclass(frozen=True)
class Backbone:
    """An encoder that networks can be built on.

    Attributes:
        name: in configurations, and in the spec of `encoder`.
        encoder: makes its spec: blocks, taps, activation, padding.
        tensors: PyTorch names, our names and shapes of all tensors of an encoder of this kind.
        recognises: whether a PyTorch file with these parameter names is of this kind.
        kind: its word for `get_init_weight.py --kind`; None: its name.
        prefix: a regular expression for what may stand before the PyTorch names.
        unused: starts of PyTorch names that the encoder does not need, such as a classifier's.
    """

    name: str
    encoder: Callable[[], EncoderSpec]
    tensors: Callable[[EncoderSpec], Iterator[TensorName]]
    recognises: Callable[[Sequence[str]], bool]
    pretrained: Pretrained | None = None
    kind: str | None = None
    prefix: str = ""
    unused: tuple[str, ...] = ()

    @property
    def conversion(self) -> str:
        """The kind of its PyTorch files."""
        return self.kind or self.name

    def bare(self, name: str) -> str:
        """A PyTorch name without what may stand before it."""
        return re.sub(f"^(?:{self.prefix})", "", name)


_BACKBONES: dict[str, Backbone] = {}


def register(backbone: Backbone) -> Backbone:
    """Make a backbone known by its name; ConfigError where the name is taken by another one."""
    if _BACKBONES.setdefault(backbone.name, backbone) is not backbone:
        raise ConfigError(f"There is a backbone `{backbone.name}` already. Give yours another name.")
    return backbone


def backbones() -> tuple[Backbone, ...]:
    """All known backbones, in the order of their registration."""
    return tuple(_BACKBONES.values())


def find_backbone(name: str) -> Backbone:
    """The backbone of that name; ConfigError with the nearest name where there is none."""
    if name not in _BACKBONES:
        raise ConfigError(f"`encoder` cannot be {name!r}.{nearest(name, _BACKBONES)}")
    return _BACKBONES[name]
