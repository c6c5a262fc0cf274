"""What prune.py calls: from a checkpoint to a pruned one with its reports."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import mindspore as ms
from mindspore import nn

from ..checkpoint.file import file_source, load_network, save_checkpoint, weights_of
from ..common.errors import ConfigError, NetworkError, OutputError
from ..common.files import own_folder, write_text
from ..common.log import logger
from ..config.config import Config
from ..config.sections import LossSection
from ..losses import objective_of
from ..model_file.releases import find_model
from ..models.build import build_network
from ..spec.modnet import ModNetSpec
from ..spec.serialisation import NetworkSpec
from .calibration import Batch
from .compression import CompressionForm, compression_info
from .costs import Costs
from .groups import channels_of
from .images import PruningImages, check_images
from .importances import Subject, find_importance
from .importances.registry import Losses
from .norm_step import NormStep
from .options import PruneOptions
from .plan import PruningPlan
from .report import PruneReport, compare
from .setting import Setting
from .strategies import Task, find_strategy
from .surgery import arrays_of, prune

CHECKPOINT, SIDE_FILE = "pruned.ckpt", "pruned.json"


def prune_checkpoint(config: Config, options: PruneOptions) -> PruneReport:
    """Prune the configuration's checkpoint into its `output_path`; MattingError for whatever the user can fix."""
    checkpoint, output = _named(config.network.ckpt_path), _unused(Path(config.run.output_path))
    check_images(config.data, options)
    network, meta = load_network(checkpoint)
    images = PruningImages(config.data, options, meta.preprocess, config.run.seed)
    own_folder(_unused(output))
    setting = _score_channels(network, options, images, config.loss)
    costs, norms = Costs(network, setting, output), NormStep(options, images, output)
    plan = _plan(network, setting, options, costs, images)
    narrow, done = norms.replace(network, prune(network, plan.keep, setting.channels))
    if not options.weight_replace:
        ms.set_seed(config.run.seed)
        narrow, done = build_network(narrow.spec), done | {"weights": "new"}
    plan = replace(plan, settings=plan.settings | done)
    batches = norms.recalibrate(narrow) if options.weight_replace else 0
    latency = costs.check(narrow, plan.keep, same_norms=not options.replaces_norms)
    source = file_source(find_model(checkpoint, (".ckpt",)))
    report = compare(network, narrow, source, plan.strategy, plan.settings, batches, latency)
    meta = meta.renewed(source | {"pruning": plan.summary()}, narrow.spec)
    save_checkpoint(output / CHECKPOINT, weights_of(narrow), meta)  # before what tells of it
    report.save(output)
    _save_side_file(narrow.spec, options, output)
    return report


def _named(checkpoint: str | None) -> str:
    if not checkpoint:
        raise ConfigError("Name the network to prune: --ckpt_path FILE.ckpt")
    return checkpoint


def _unused(output: Path) -> Path:
    if (output / CHECKPOINT).exists():
        raise OutputError(f"{output} holds a pruned network already, which stays. Give another --output_path.")
    return output


def _score_channels(network: nn.Cell, options: PruneOptions, images: PruningImages, loss: LossSection) -> Setting:
    """The network's channels with their importance, and the bounds of their groups' widths."""

    def labelled() -> tuple[Iterable[Batch], Losses]:
        return images.labelled(), objective_of(network.spec.network, loss).losses

    form = CompressionForm(network.spec, options.limits.multiple) if options.compatible else None
    channels, weights = channels_of(network), arrays_of(network)
    subject = Subject(network, channels, weights, options.gather, labelled)
    scores = find_importance(options.importance).scores(subject)
    return Setting(channels, weights, scores, options.limits, form)


def _plan(
    network: nn.Cell, setting: Setting, options: PruneOptions, costs: Costs, images: PruningImages
) -> PruningPlan:
    """What the strategy decides."""
    task = Task(
        network=network,
        setting=setting,
        ratio=options.ratio,
        threshold=options.threshold,
        target=options.target,
        measure=costs.of,
        score=images.mse,
        output=costs.output,
    )
    counts, numbers = find_strategy(options.strategy).decide(task)
    limits = {"min_channels": options.limits.min_channels, "multiple": options.limits.multiple}
    settings = {"importance": options.importance, **numbers, **limits}
    return PruningPlan(setting.keep(counts), options.strategy, settings)


def _save_side_file(spec: NetworkSpec, options: PruneOptions, output: Path) -> None:
    """Describe a MODNet to ModelCompression's programs, where their file can."""
    if not isinstance(spec, ModNetSpec):
        return
    try:
        info = compression_info(spec, options.threshold)
    except NetworkError as error:
        logger.info("no %s for ModelCompression's programs: %s", SIDE_FILE, error)
        return
    write_text(output / SIDE_FILE, json.dumps(info))
    logger.info("%s describes the network to ModelCompression's programs", SIDE_FILE)
