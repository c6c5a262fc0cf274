"""ModelCompression's side file for a pruned network of ours, and widths that the file can tell.

It knows whole expansions only, shortcuts wherever two widths agree, IBNorms in equal halves, 32 channels in lr8x, and
one base width for the high-resolution and fusion branches.
"""

from dataclasses import asdict
from typing import Any

import numpy as np

from ..checkpoint.conversion import compression_spec
from ..checkpoint.weight_names import branch_units
from ..common.errors import NetworkError
from ..models.backbones import find_backbone
from ..models.tensor_names import encoder_block_names
from ..spec.blocks import BlockSpec, Norm
from ..spec.modnet import ModNetSpec
from ..spec.serialisation import NetworkSpec
from .groups import Channels, Group
from .plan import lowest

_BASE_WIDTH = 32  # of the high-resolution and fusion branches before pruning
_LR8X = 32  # the original's network reads so many channels, whatever the file says
_LEAST_BASE = 4  # below, the original's last IBNorm has no batch-normalised half
_STEM = "encoder.stem.conv"
_LEAST_EXPANSION = 2  # 1 stands for a block without an expanding convolution


def compression_info(spec: NetworkSpec, threshold: float) -> dict[str, object]:
    """The side file's numbers; NetworkError where the network that they stand for is another one.

    Args:
        spec: of the network.
        threshold: of the original's pruner, in (0, 1]; the file notes it, no width follows from it.
    """
    spec = _known(spec)
    outs = [spec.encoder.stem, *(block.out for block in spec.encoder.blocks)]
    expansions = [block.hidden // width for block, width in zip(spec.encoder.blocks, outs, strict=False)]
    info = {
        "ratio": 1 - spec.tohr_enc2x.channels / _BASE_WIDTH,
        "threshold": threshold,
        "new_cfg": [*outs, spec.encoder.head],
        "new_expansion_cfg": expansions,
        "new_lr_channels": [_LR8X, spec.lr16x.channels],
        "new_hr_channels": [*spec.encoder.tap_channels],
        "new_f_channels": [_LR8X],
    }
    own, told = _flat(asdict(spec)), _flat(asdict(compression_spec(info)))
    different = [name for name in own | told if own.get(name) != told.get(name)]
    if different:
        first = different[0]
        raise NetworkError(
            f"ModelCompression's side file cannot tell {len(different)} of the network's numbers, the first "
            f"being {first}: it would say {told.get(first)} instead of {own.get(first)}. "
            "A network that it can tell stays one when pruned with --compatible."
        )
    return info


def _known(spec: NetworkSpec) -> ModNetSpec:
    """The spec of a MODNet on MobileNetV2; NetworkError for another network."""
    blocks = len(find_backbone("mobilenetv2").encoder().blocks)
    if not isinstance(spec, ModNetSpec) or len(spec.encoder.blocks) != blocks:
        raise NetworkError(f"ModelCompression's networks are MODNets on MobileNetV2's {blocks} blocks; this is not.")
    return spec


def _flat(values: Any, name: str = "") -> dict[str, Any]:
    """Nested dicts and sequences as one dict, `encoder.blocks.3.hidden` to a number."""
    if not isinstance(values, dict | list | tuple):
        return {name.removeprefix("."): values}
    items = values.items() if isinstance(values, dict) else enumerate(values)
    return {key: leaf for part, value in items for key, leaf in _flat(value, f"{name}.{part}").items()}


class CompressionForm:
    """Masks after which a network is one that the side file can describe; in place of `src.pruning.plan.select`.

    Counts are taken as wishes: the base width is the mean of what its branches' groups keep, an expanded width the
    nearest whole multiple, and of an IBNorm the best of each half stay.
    """

    def __init__(self, spec: NetworkSpec, multiple: int = 1) -> None:
        """NetworkError for a network that the file cannot describe as it is; no mask would fix it."""
        compression_info(spec, threshold=1.0)
        self.spec, self.multiple = _known(spec), multiple
        self.norms = {f"{ours}.conv": norm for _, ours, _, norm, _ in branch_units(self.spec)}

    def __call__(self, channels: Channels, scores: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Mask, bool [channels.count], with about `counts[g]` channels of each group, by float64 scores of channels."""
        widths = _layer_widths(self.fit(channels, counts))
        keep = np.ones(channels.count, bool)
        for group in channels.groups:
            for members, count in self._halves(channels, group, widths[group.name]):
                keep[lowest(scores, members, count)] = False
        return keep

    def _halves(self, channels: Channels, group: Group, count: int) -> list[tuple[np.ndarray, int]]:
        if group.name not in self.norms:
            return [(group.channels, count)]
        made, own, left = channels.filters[group.name].channels, self.norms[group.name], Norm.half(count)
        return [(made[: own.bn], left.bn), (made[own.bn :], left.inorm)]

    def fit(self, channels: Channels, counts: np.ndarray) -> ModNetSpec:
        """The network nearest to int [groups] counts that the file can tell."""
        whole = {layer: len(group) for group in channels.groups for layer in group.layers}
        expected = {
            layer: int(count)
            for group, count in zip(channels.groups, self._apart(channels, counts), strict=True)
            for layer in group.layers
        }
        outs, expansions = [expected[_STEM]], []
        for block, layer in self._outputs():
            hidden, outs = layer.replace("project", "expand"), [*outs, expected[layer]]
            expansions.append(_expansion(expected[hidden], whole[hidden], outs[-2]) if block.expand else 1)
        head, lr16x = expected["encoder.head.conv"], expected["lr_branch.conv_lr16x.conv"]
        return compression_spec({
            "ratio": 1 - self._base(channels, counts) / _BASE_WIDTH,
            "new_cfg": [*outs, max(head, min(4, whole["encoder.head.conv"]))],  # a quarter of it is the gate's width
            "new_expansion_cfg": expansions,
            "new_lr_channels": [_LR8X, lr16x],
        })  # fmt: skip

    def _outputs(self) -> list[tuple[BlockSpec, str]]:
        """Each block with the layer that makes its output."""
        return [(block, f"{ours}.project.conv") for _, block, _, ours in encoder_block_names(self.spec.encoder)]

    def _apart(self, channels: Channels, counts: np.ndarray) -> np.ndarray:
        """Counts with equal widths parted where no shortcut is: the file would have one there."""
        counts, group_of = (
            counts.copy(),
            {layer: g for g, group in enumerate(channels.groups) for layer in group.layers},
        )
        before = _STEM
        for block, layer in self._outputs():
            pair = group_of[before], group_of[layer]
            if block.stride == 1 and not block.residual and counts[pair[0]] == counts[pair[1]]:
                wider = max(pair, key=lambda g: len(channels.groups[g]))
                counts[wider] = min(counts[wider] + self.multiple, len(channels.groups[wider]))
            before = layer
        return counts

    def _base(self, channels: Channels, counts: np.ndarray) -> int:
        shares = [
            count / len(group)
            for group, count in zip(channels.groups, counts, strict=True)
            if group.part in ("hr", "fusion")
        ]
        own = self.spec.tohr_enc2x.channels
        width = _nearest(own * float(np.mean(shares)) / self.multiple) * self.multiple
        return min(max(width, _LEAST_BASE, self.multiple), own)


def _expansion(expected: int, whole: int, width: int) -> int:
    return min(max(_nearest(expected / width), _LEAST_EXPANSION), whole // width)


def _nearest(value: float) -> int:
    return int(value + 0.5)


def _layer_widths(spec: ModNetSpec) -> dict[str, int]:
    """Filters of each layer after which a group may be named."""
    encoder = spec.encoder
    widths = {_STEM: encoder.stem, "encoder.head.conv": encoder.head, "lr_branch.se.fc1": spec.se_hidden}
    for _, block, _, ours in encoder_block_names(encoder):
        widths |= {f"{ours}.expand.conv": block.hidden, f"{ours}.project.conv": block.out}
    return widths | {f"{ours}.conv": norm.channels for _, ours, _, norm, _ in branch_units(spec)}
