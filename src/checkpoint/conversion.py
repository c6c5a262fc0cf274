"""PyTorch parameter names to ours: official MODNet, ModelCompression's networks, and every registered backbone.

Everything works on plain `{name: numpy array}` dictionaries, so neither framework is needed here.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from ..common.errors import CheckpointError, NetworkError
from ..models.backbones import Backbone, backbones, find_backbone
from ..models.tensor_names import TensorName
from ..spec.blocks import BlockSpec, Norm
from ..spec.encoder import EncoderSpec
from ..spec.modnet import ModNetSpec, modnet_spec
from .weight_names import modnet_names

State = dict[str, np.ndarray]
PruneInfo = dict[str, Any]  # ModelCompression's side file
_COMPILED = "_orig_mod."


@dataclass(frozen=True)
class Conversion:
    """What came over and what did not; `problems` is empty for a faithful conversion.

    Attributes:
        network: "modnet" or "encoder".
        spec: of the whole network, or of the encoder alone.
        state: our names -> float32 arrays.
        problems: one line for each tensor that is missing, unexpected, mis-shaped or not finite.
    """

    kind: str
    network: str
    spec: ModNetSpec | EncoderSpec
    state: State
    problems: tuple[str, ...]


@dataclass(frozen=True)
class Expected:
    """What a file of one kind has to hold: the network's spec, and the names and shapes of its tensors.

    Attributes:
        bare: takes from a name what may stand before those of `names`.
        unused: starts of names that are not needed.
    """

    network: str
    spec: ModNetSpec | EncoderSpec
    names: Iterator[TensorName]
    bare: Callable[[str], str] = str
    unused: tuple[str, ...] = ()


@dataclass(frozen=True)
class Kind:
    """One kind of PyTorch file: how its names are recognised, and what it has to hold.

    Attributes:
        expected: (prune info or None) -> what the file has to hold.
        takes_prune_info: whether a prune info may belong to it.
    """

    name: str
    recognises: Callable[[Sequence[str]], bool]
    expected: Callable[[PruneInfo | None], Expected]
    takes_prune_info: bool = False


def _kinds() -> tuple[Kind, ...]:
    """All kinds, those first that hold a backbone among others."""
    return (
        Kind("compression", _is_compression, partial(_expected_modnet, cbr=True), takes_prune_info=True),
        Kind("official", _is_modnet, partial(_expected_modnet, cbr=False)),
        *(Kind(b.conversion, b.recognises, partial(_expected_encoder, b)) for b in backbones()),
    )


def kinds() -> tuple[str, ...]:
    """Names of all kinds of PyTorch files that can be converted."""
    return tuple(kind.name for kind in _kinds())


def _is_modnet(names: Sequence[str]) -> bool:
    return any(name.startswith("f_branch.") for name in names)


def _is_compression(names: Sequence[str]) -> bool:
    return _is_modnet(names) and any(".features.0.cbr." in name for name in names)


def _expected_modnet(info: PruneInfo | None, cbr: bool) -> Expected:
    spec = modnet_spec(find_backbone("mobilenetv2").encoder()) if info is None else compression_spec(info)
    return Expected("modnet", spec, modnet_names(spec, cbr))


def _expected_encoder(backbone: Backbone, info: PruneInfo | None) -> Expected:
    spec = backbone.encoder()
    return Expected("encoder", spec, backbone.tensors(spec), backbone.bare, backbone.unused)


def recognise(names: Sequence[str]) -> str:
    """The kind of a checkpoint by its parameter names; raises CheckpointError for a foreign one."""
    found = _read(names, _kinds())
    if found is None:
        raise CheckpointError(
            f"None of the known namings ({', '.join(kinds())}) fits this file; its first names are "
            f"{', '.join(list(names)[:3]) or '(none)'}. Give a PyTorch state dict of MODNet, of ModelCompression's "
            f"networks or of a backbone ({', '.join(backbone.name for backbone in backbones())})."
        )
    return found[0].name


def is_known(names: Sequence[str]) -> bool:
    """Whether these are the parameter names of a network that can be converted."""
    return _read(names, _kinds()) is not None


def _read(names: Sequence[str], among: Sequence[Kind]) -> tuple[Kind, dict[str, str]] | None:
    """The first kind that fits, and names as it has them by the file's; None where none of the kinds fits."""
    for read in _readings(names):
        for kind in among:
            if kind.recognises(list(read.values())):
                return kind, read
    return None


def _readings(names: Sequence[str]) -> Iterator[dict[str, str]]:
    """The file's names with what wrappers put before all of them taken off, part by part: `module.`, `model.`, ...

    What torch.compile writes is not in any naming, and may stand within a name.
    """
    read = {name: name.replace(_COMPILED, "") for name in names}
    yield read
    while read and len({name.partition(".")[0] for name in read.values()}) == 1:
        read = {name: plain.partition(".")[2] for name, plain in read.items()}
        if not all(read.values()):
            return
        yield read


def convert(state: Mapping[str, np.ndarray], kind: str = "auto", prune_info: PruneInfo | None = None) -> Conversion:
    """Rename and check every tensor of a PyTorch state dict.

    Args:
        state: PyTorch names -> arrays of any float type; prefixes that all names share are ignored.
        kind: one of `kinds()`, or "auto" to recognise the file.
        prune_info: ModelCompression's side file, which tells a pruned network's channel numbers.
    """
    name = recognise(list(state)) if kind == "auto" else kind
    chosen = next(one for one in _kinds() if one.name == name)
    if prune_info is not None and not chosen.takes_prune_info:
        raise CheckpointError(f"A prune info file belongs to a ModelCompression network, but the weights are '{name}'.")
    expected = chosen.expected(prune_info)
    found = _read(list(state), [chosen])
    plain = found[1] if found else {theirs: theirs.removeprefix("module.") for theirs in state}
    source = {expected.bare(plain[theirs]): np.asarray(array) for theirs, array in state.items()}
    return _match(name, expected, source)


def takes_prune_info(kind: str) -> bool:
    """Whether a prune info may belong to files of this kind."""
    return next(one for one in _kinds() if one.name == kind).takes_prune_info


def compression_spec(info: PruneInfo) -> ModNetSpec:
    """Spec of a MODNet-P from ModelCompression's JSON side file.

    Its network keeps one base width int(32 * (1 - ratio)) for the high-resolution and fusion branches, and has
    a shortcut wherever the pruned channel counts happen to be equal at stride 1.
    """
    try:
        stem, *outs, head = (int(v) for v in info["new_cfg"])
        expansions = [int(v) for v in info["new_expansion_cfg"]]
        lr8x, lr16x = (int(v) for v in info["new_lr_channels"])
        hr = int(32 * (1 - float(info["ratio"])))
        template = find_backbone("mobilenetv2").encoder()
        blocks, channels = [], stem
        for block, out, expansion in zip(template.blocks, outs, expansions, strict=True):
            residual = block.stride == 1 and channels == out
            blocks.append(BlockSpec(channels * expansion, out, block.kernel, block.stride, residual, expansion != 1))
            channels = out
        encoder = replace(template, stem=stem, blocks=tuple(blocks), head=head)
        return replace(modnet_spec(encoder, hr=hr, lr16x=lr16x, lr8x=lr8x), lr8x=Norm.half(lr8x))
    except (KeyError, TypeError, ValueError, NetworkError) as error:
        raise CheckpointError(
            f"The prune info cannot be used ({error!r}). Expected: ModelCompression's JSON with ratio, new_cfg (19 "
            "numbers), new_expansion_cfg (17) and new_lr_channels (2)."
        ) from error


def _match(kind: str, expected: Expected, source: State) -> Conversion:
    state, problems, seen = {}, [], set()
    for theirs, ours, shape in expected.names:
        seen.add(theirs)
        if theirs not in source:
            problems.append(f"missing: {theirs} (for {ours})")
        elif source[theirs].shape != shape:
            problems.append(f"mis-shaped: {theirs} is {list(source[theirs].shape)}, expected {list(shape)}")
        else:
            state[ours] = np.ascontiguousarray(source[theirs], dtype=np.float32)
            if not np.isfinite(state[ours]).all():
                problems.append(f"not finite: {theirs} holds NaN or infinite values")
    problems += _leftovers(source, seen, expected.unused)
    return Conversion(kind, expected.network, expected.spec, state, tuple(problems))


def _leftovers(source: State, seen: set[str], unused: tuple[str, ...]) -> list[str]:
    """Names nobody asked for. The official file stores the backbone twice: the copies must agree."""
    problems = []
    for name in source:
        if name in seen or name.endswith("num_batches_tracked") or name.startswith(unused):
            continue
        twin = name.removeprefix("lr_branch.")
        if twin != name and twin in source:
            if not np.array_equal(source[name], source[twin]):
                problems.append(f"contradicting: {name} and {twin} hold different values")
        else:
            problems.append(f"unexpected: {name}")
    return problems
