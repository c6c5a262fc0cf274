"""From a configuration to what a training run starts with: network, weights, data sets, pre-processing."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import mindspore as ms
from mindspore import nn

from ..checkpoint.file import Checkpoint, load_network, load_weights, read_checkpoint
from ..checkpoint.renorm import renormed
from ..common.errors import CheckpointError, ConfigError
from ..common.log import logger
from ..config.config import Config
from ..data.pairs import Pair, evaluation_pairs
from ..data.preprocess import preprocess_of
from ..data.samples import MattingSamples, Samples
from ..data.unlabelled import UnlabelledSamples
from ..losses import Objective, distilled, objective_of
from ..losses.distillation import Run
from ..models.backbones import backbones, find_backbone
from ..models.build import build_network
from ..models.layers import NormAct
from ..runtime.options import split_precision
from ..spec.mmnet import mmnet_spec
from ..spec.modnet import modnet_spec
from ..spec.preprocess import Preprocess
from ..spec.serialisation import NetworkSpec
from ..spec.variants import with_lr_head, with_norm
from .adaptation import AdaptationStep, check_adaptable, check_adaptation
from .run_folder import find_resumable
from .step import TrainStep


@dataclass
class Start:
    """Everything a run needs before its first step; `resumed` is the checkpoint that it continues, if any."""

    network: nn.Cell
    spec: NetworkSpec
    preprocess: Preprocess
    samples: Samples
    validation: list[Pair]
    resumed: Checkpoint | None


def prepare(config: Config) -> Start:
    """Find the data, then build the network with its initial weights; raises before any work where one is missing."""
    find_backbone(config.encoder)  # an unknown one is refused before any work
    samples = _training_samples(config)
    validation = evaluation_pairs(config.dataset("val_dataset")) if config.val_interval else []
    pre = preprocess_of(config)
    resumed = read_checkpoint(find_resumable(config.resume)) if config.resume else None
    ms.set_seed(config.seed)
    if resumed is not None:
        network, spec = _with_weights(resumed)
    elif config.ckpt_path:
        network, spec = _from_checkpoint(read_checkpoint(config.ckpt_path), config)
    else:
        spec = _new_spec(config)
        network = build_network(spec)
        if config.backbone_pretrained and spec.encoder_name:
            _load_backbone(network, config)
    if config.soc:
        check_adaptable(spec)
    _check_input(spec, pre)
    if config.bn_momentum is not None:
        _set_momentum(network, config.bn_momentum)
    return Start(network, spec, pre, samples, validation, resumed)


def _training_samples(config: Config) -> Samples:
    spec = config.dataset("train_dataset")
    if not config.soc:
        return MattingSamples(spec, training=True, seed=config.seed)
    check_adaptation(config)
    return UnlabelledSamples(spec, config.seed)


def make_step(network: nn.Cell, pre: Preprocess, config: Config, world: int) -> TrainStep | AdaptationStep:
    """The step of the run, for each of `world` devices."""
    if config.soc:
        return AdaptationStep(network, config, world)
    return TrainStep(network, config, world, objective_for(network, pre, config))


def objective_for(network: nn.Cell, pre: Preprocess, config: Config) -> Objective:
    """What the run minimises: the losses of the network's class and, where there is a teacher, its terms."""
    objective = objective_of(network.spec.network, config)
    if config.teacher is None:
        for name in ("teacher_flip", "teacher_runtime"):
            if getattr(config, name) != getattr(Config, name):
                raise ConfigError(f"`{name}` needs a teacher: give --teacher CKPT, or leave --{name} out.")
        return objective
    teacher, meta = load_network(config.teacher)
    if (meta.preprocess.mean, meta.preprocess.std) != (pre.mean, pre.std):
        raise ConfigError(
            f"The teacher {config.teacher} takes images normalised with mean {meta.preprocess.mean} and std "
            f"{meta.preprocess.std}, `Normalize` says {pre.mean} and {pre.std}. Use the teacher's."
        )
    logger.info("teacher: %s (epoch %d), run by %s", config.teacher, meta.epoch, config.teacher_runtime)
    return distilled(objective, network, teacher, config, outside_teacher(config.teacher_runtime))


def outside_teacher(runtime: str) -> Callable[[nn.Cell], Run] | None:
    """What makes a teacher a function outside of the compiled step; None where it is part of it."""
    if runtime == "mindspore":
        return None
    from ..deploy.teacher import openvino_teacher  # onnx and openvino are for those who ask for them

    return partial(openvino_teacher, precision=split_precision(runtime)[1])


def _new_spec(config: Config) -> NetworkSpec:
    if config.network == "mmnet":
        return mmnet_spec(config.width_multiplier)
    return _chosen(modnet_spec(find_backbone(config.encoder).encoder()), config)


def _chosen(spec: NetworkSpec, config: Config) -> NetworkSpec:
    return with_norm(with_lr_head(spec, config.lr_head), config.norm)


def _set_momentum(network: nn.Cell, momentum: float) -> None:
    for _, cell in network.cells_and_names():
        if isinstance(cell, NormAct):
            cell.set_momentum(momentum)


def _check_input(spec: NetworkSpec, pre: Preprocess) -> None:
    """MMNet reads, and its composition loss weighs, colours in [0, 1]."""
    if spec.network == "mmnet" and (pre.mean, pre.std) != ((0, 0, 0), (1, 1, 1)):
        raise ConfigError(
            f"MMNet takes colours in [0, 1], but `Normalize` has mean {list(pre.mean)} and std {list(pre.std)}. "
            "Write mean: [0, 0, 0] and std: [1, 1, 1], as configs/MMNet.yml does."
        )


def _with_weights(checkpoint: Checkpoint) -> tuple[nn.Cell, NetworkSpec]:
    spec = _spec_of(checkpoint)
    network = build_network(spec)
    load_weights(network, checkpoint.weights, str(checkpoint.path))
    logger.info("weights of %s (epoch %d)", checkpoint.path, checkpoint.meta.epoch)
    return network, spec


def _spec_of(checkpoint: Checkpoint) -> NetworkSpec:
    if checkpoint.meta.spec is None:
        raise CheckpointError(
            f"{checkpoint.path} holds an encoder's weights alone. Give it as --backbone_pretrained, not --ckpt_path."
        )
    return checkpoint.meta.spec


def _from_checkpoint(checkpoint: Checkpoint, config: Config) -> tuple[nn.Cell, NetworkSpec]:
    """The network of `--ckpt_path`, with the head, norms and weights that the configuration asks for."""
    spec = _chosen(_spec_of(checkpoint), config)
    network = build_network(spec)
    weights = renormed(network, checkpoint.weights) if spec != checkpoint.meta.spec else checkpoint.weights
    if config.from_scratch:
        encoder = {name: value for name, value in weights.items() if name.startswith("encoder.")}
        if config.freeze_backbone:
            load_weights(network, encoder, str(checkpoint.path), prefix="encoder.")
        logger.info("network of %s, fresh weights%s", checkpoint.path,
                    " outside of the encoder" if config.freeze_backbone else "")  # fmt: skip
    else:
        load_weights(network, weights, str(checkpoint.path))
        logger.info("weights of %s (epoch %d)", checkpoint.path, checkpoint.meta.epoch)
        _log_changes(weights.keys() - checkpoint.weights.keys(), "fresh weights in")
        _log_changes(checkpoint.weights.keys() - weights.keys(), "weights left out:")
    return network, spec


def _log_changes(names: Iterable[str], text: str) -> None:
    layers = Counter(".".join(name.split(".")[:2]) for name in sorted(names))
    if layers:
        logger.info("%s %s", text, ", ".join(f"{layer} ({count} tensors)" for layer, count in layers.items()))


def _load_backbone(network: nn.Cell, config: Config) -> None:
    path = _backbone_file(config)
    checkpoint = read_checkpoint(path)
    if checkpoint.meta.encoder != config.encoder:
        raise CheckpointError(
            f"{path} holds a {checkpoint.meta.encoder} encoder, but the configuration asks for {config.encoder}. "
            f"Set `encoder: {checkpoint.meta.encoder}` or give the other file."
        )
    encoder = {name: value for name, value in checkpoint.weights.items() if name.startswith("encoder.")}
    load_weights(network, encoder, str(path), prefix="encoder.")
    logger.info("encoder weights of %s (%d tensors)", path, len(encoder))


def _backbone_file(config: Config) -> Path:
    """The file of the encoder's pretrained weights; CheckpointError that says how to get one where there is none."""
    ways = [backbone.pretrained.advice for backbone in backbones() if backbone.pretrained is not None]
    ways.append("train from scratch: `backbone_pretrained: False` in the YAML or `--backbone_pretrained False`")
    advice = "One of these fixes it:\n" + "\n".join(f"  - {way}" for way in ways)
    pretrained = find_backbone(config.encoder).pretrained
    if config.backbone_pretrained is not True:
        path = Path(config.backbone_pretrained)
    elif pretrained is not None:
        path = pretrained.path
    else:
        raise CheckpointError(f"The backbone {config.encoder} names no pretrained weights. {advice}")
    if not path.is_file():
        raise CheckpointError(f"No pretrained {config.encoder} backbone at {path}. {advice}")
    return path
