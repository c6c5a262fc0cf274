"""PyTorch parameter names to ours: official MODNet, ModelCompression, MobileNetV2 backbone, EfficientNet-Lite0.

Everything works on plain `{name: numpy array}` dictionaries, so neither framework is needed here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..common.errors import CheckpointError
from ..spec.blocks import BlockSpec, Norm
from ..spec.encoder import EncoderSpec, efficientnet_lite0_encoder, mobilenetv2_encoder
from ..spec.modnet import ModNetSpec, modnet_spec
from .weight_names import efficientnet_names, mobilenet_names, modnet_names

State = dict[str, np.ndarray]
KINDS = ("official", "backbone", "compression", "efficientnet_lite0")


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
        return _match(kind, "encoder", encoder, source, efficientnet_names(encoder), unused=("_fc.",))
    if kind == "backbone":
        encoder = mobilenetv2_encoder()
        source = {re.sub(r"^(backbone\.)?(model\.)?", "", name): array for name, array in source.items()}
        return _match(
            kind, "encoder", encoder, source, mobilenet_names(encoder, "", cbr=False), unused=("classifier.",)
        )
    spec = modnet_spec() if prune_info is None else compression_spec(prune_info)
    return _match(kind, "modnet", spec, source, modnet_names(spec, cbr=kind == "compression"))


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
            f"The prune info cannot be used ({error!r}). Expected: ModelCompression's JSON with ratio, new_cfg (19 "
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
            problems.append(f"mis-shaped: {theirs} is {list(source[theirs].shape)}, expected {list(shape)}")
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
