"""A MODNet's spec with another choice in it: other norms, another head of the low-resolution branch."""

import dataclasses
from typing import Any

from .blocks import Norm
from .modnet import EasppSpec, ModNetSpec
from .serialisation import NetworkSpec

NORMS = ("ib", "batch")
LR_HEADS = ("conv", "easpp")
EASPP_RATES = (1, 3, 6)  # of 32 pixels a side at 512x512: windows of 3, 7 and 13
_EASPP_SHARE = 4  # the paper's: a quarter of the channels


def with_norm(spec: NetworkSpec, norm: str | None) -> NetworkSpec:
    """The same widths with another norm; None and networks without IBNorm stay as they are.

    "batch" folds into the convolutions when deployed; "ib" instance-normalises half of each width, as MODNet does.
    """
    if norm is None or not isinstance(spec, ModNetSpec):
        return spec

    def changed(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(changed(v) for v in value)
        if not isinstance(value, Norm):
            return value
        return Norm(value.channels, 0) if norm == "batch" else Norm.half(value.channels)

    return dataclasses.replace(spec, **{f.name: changed(getattr(spec, f.name)) for f in dataclasses.fields(spec)})


def with_lr_head(spec: NetworkSpec, head: str | None) -> NetworkSpec:
    """The same network with another head of its low-resolution branch; None and other networks stay as they are.

    "conv" makes `lr16x` by a 5x5 convolution; a new "easpp" has a quarter of the deepest map's channels.
    """
    if head is None or not isinstance(spec, ModNetSpec):
        return spec
    if head == "conv":
        return dataclasses.replace(spec, easpp=None)
    if spec.easpp is not None:
        return spec
    channels = max(1, spec.encoder.head // _EASPP_SHARE)
    return dataclasses.replace(spec, easpp=EasppSpec(channels, EASPP_RATES))
