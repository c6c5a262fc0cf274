"""The network that a run starts from, with its first weights."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
from mindspore import nn

from ..checkpoint.file import Checkpoint, load_weights, read_checkpoint
from ..checkpoint.renorm import renormed
from ..common.errors import CheckpointError, ConfigError
from ..common.log import logger
from ..config.sections import NetworkSection
from ..models.backbones import backbones, find_backbone
from ..models.build import build_network
from ..models.layers import NormAct
from ..spec.mmnet import mmnet_spec
from ..spec.modnet import modnet_spec
from ..spec.preprocess import Preprocess
from ..spec.serialisation import NetworkSpec
from ..spec.variants import with_lr_head, with_norm
from .run_folder import find_resumable

# The spec of a network that starts from nothing, by the network's name.
_NEW_SPECS: dict[str, Callable[[NetworkSection], NetworkSpec]] = {
    "mmnet": lambda section: mmnet_spec(section.width_multiplier),
    "modnet": lambda section: _chosen(modnet_spec(find_backbone(section.encoder).encoder()), section),
}


@dataclass(frozen=True)
class Start:
    """A network before the first step of a run.

    Attributes:
        network: With its first weights.
        spec: Its numbers.
        resumed: The checkpoint that the run continues, if any.
        whole: Whether the weights are those of a whole network, which pruning has not just cut.
    """

    network: nn.Cell
    spec: NetworkSpec
    resumed: Checkpoint | None = None
    whole: bool = False

    @property
    def steps_done(self) -> int:
        """Steps that the run had done when it was interrupted."""
        return self.resumed.meta.step if self.resumed else 0


def start_network(
    section: NetworkSection, resume: str | None, seed: int, pre: Preprocess, adapted: bool = False
) -> Start:
    """Build the network and give it its weights: of the run that is resumed, of a checkpoint, or new ones.

    Raises:
        CheckpointError: a file is missing, damaged, or of another network.
        ConfigError: an encoder that nobody knows, a network that does not take images as `pre` makes them, or that
            cannot be `adapted` to images without alpha.
    """
    find_backbone(section.encoder)  # an unknown one is refused whatever the weights come from
    resumed = read_checkpoint(find_resumable(resume)) if resume else None
    ms.set_seed(seed)
    whole = False
    if resumed is not None:
        network = _with_weights(resumed)
    elif section.ckpt_path:
        given = read_checkpoint(section.ckpt_path)
        network = from_checkpoint(given, section)
        whole = not (section.from_scratch or "pruning" in given.meta.source)
    else:
        network = build_network(new_spec(section))
        if section.backbone_pretrained and network.spec.encoder_name:
            _load_backbone(network, section)
    if adapted:  # first: no other `Normalize` would help
        check_adaptable(network.spec)
    check_input(network.spec, pre)
    adjust(network, section)
    return Start(network, network.spec, resumed, whole)


def new_spec(section: NetworkSection) -> NetworkSpec:
    """The spec of a network that starts from nothing."""
    return _NEW_SPECS[section.network](section)


def adjust(network: nn.Cell, section: NetworkSection) -> None:
    """Give a network's norms the momentum of the configuration, and freeze the encoder where it says so."""
    if section.bn_momentum is not None:
        _set_momentum(network, section.bn_momentum)
    for parameter in network.encoder.get_parameters():
        if section.freeze_backbone:
            parameter.requires_grad = False


def check_adaptable(spec: NetworkSpec) -> None:
    """ConfigError for a network without a semantic and a detail prediction of its own."""
    if spec.network != "modnet":
        raise ConfigError(
            f"`soc` makes MODNet's semantic, detail and matte predictions agree; a network '{spec.network}' has no "
            "such parts. Give a MODNet as --ckpt_path."
        )


def check_input(spec: NetworkSpec, pre: Preprocess) -> None:
    """ConfigError where a network that reads, and whose loss weighs, colours in [0, 1] would get others."""
    if spec.unit_colours and (pre.mean, pre.std) != ((0, 0, 0), (1, 1, 1)):
        raise ConfigError(
            f"{spec.title} takes colours in [0, 1], but `Normalize` has mean {list(pre.mean)} and std "
            f"{list(pre.std)}. Write mean: [0, 0, 0] and std: [1, 1, 1], as configs/{spec.title}.yml does."
        )


def _chosen(spec: NetworkSpec, section: NetworkSection) -> NetworkSpec:
    return with_norm(with_lr_head(spec, section.lr_head), section.norm)


def _set_momentum(network: nn.Cell, momentum: float) -> None:
    for _, cell in network.cells_and_names():
        if isinstance(cell, NormAct):
            cell.set_momentum(momentum)


def _with_weights(checkpoint: Checkpoint) -> nn.Cell:
    network = build_network(_spec_of(checkpoint))
    load_weights(network, checkpoint.weights, str(checkpoint.path))
    logger.info("weights of %s (epoch %d)", checkpoint.path, checkpoint.meta.epoch)
    return network


def _spec_of(checkpoint: Checkpoint) -> NetworkSpec:
    if checkpoint.meta.spec is None:
        raise CheckpointError(
            f"{checkpoint.path} holds an encoder's weights alone. Give it as --backbone_pretrained, not --ckpt_path."
        )
    return checkpoint.meta.spec


def from_checkpoint(checkpoint: Checkpoint, section: NetworkSection) -> nn.Cell:
    """The network of `--ckpt_path`, with the head, norms and weights that the configuration asks for."""
    spec = _chosen(_spec_of(checkpoint), section)
    network = build_network(spec)
    weights = renormed(network, checkpoint.weights) if spec != checkpoint.meta.spec else checkpoint.weights
    if section.from_scratch:
        encoder = {name: value for name, value in weights.items() if name.startswith("encoder.")}
        if section.freeze_backbone:
            load_weights(network, encoder, str(checkpoint.path), prefix="encoder.")
        logger.info("network of %s, fresh weights%s", checkpoint.path,
                    " outside of the encoder" if section.freeze_backbone else "")  # fmt: skip
    else:
        load_weights(network, weights, str(checkpoint.path))
        logger.info("weights of %s (epoch %d)", checkpoint.path, checkpoint.meta.epoch)
        _log_changes(weights.keys() - checkpoint.weights.keys(), "fresh weights in")
        _log_changes(checkpoint.weights.keys() - weights.keys(), "weights left out:")
    return network


def _log_changes(names: Iterable[str], text: str) -> None:
    layers = Counter(".".join(name.split(".")[:2]) for name in sorted(names))
    if layers:
        logger.info("%s %s", text, ", ".join(f"{layer} ({count} tensors)" for layer, count in layers.items()))


def _load_backbone(network: nn.Cell, section: NetworkSection) -> None:
    path = _backbone_file(section)
    checkpoint = read_checkpoint(path)
    if checkpoint.meta.encoder != section.encoder:
        raise CheckpointError(
            f"{path} holds a {checkpoint.meta.encoder} encoder, but the configuration asks for {section.encoder}. "
            f"Set `encoder: {checkpoint.meta.encoder}` or give the other file."
        )
    encoder = {name: value for name, value in checkpoint.weights.items() if name.startswith("encoder.")}
    load_weights(network, encoder, str(path), prefix="encoder.")
    logger.info("encoder weights of %s (%d tensors)", path, len(encoder))


def _backbone_file(section: NetworkSection) -> Path:
    """The file of the encoder's pretrained weights; CheckpointError that says how to get one where there is none."""
    ways = [backbone.pretrained.advice for backbone in backbones() if backbone.pretrained is not None]
    ways.append("train from scratch: `backbone_pretrained: False` in the YAML or `--backbone_pretrained False`")
    advice = "One of these fixes it:\n" + "\n".join(f"  - {way}" for way in ways)
    pretrained = find_backbone(section.encoder).pretrained
    if isinstance(section.backbone_pretrained, str):
        path = Path(section.backbone_pretrained)
    elif pretrained is not None:
        path = pretrained.path
    else:
        raise CheckpointError(f"The backbone {section.encoder} names no pretrained weights. {advice}")
    if not path.is_file():
        raise CheckpointError(f"No pretrained {section.encoder} backbone at {path}. {advice}")
    return path
