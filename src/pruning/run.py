"""What prune.py calls: from a checkpoint to a pruned one with its reports."""

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn
from tqdm import tqdm

from ..checkpoint.file import Meta, file_source, load_network, save_checkpoint, weights_of
from ..common.errors import ConfigError, NetworkError, OutputError
from ..common.files import make_folder, write_text
from ..common.log import logger
from ..config.config import Config
from ..data.pairs import evaluation_pairs
from ..data.preprocess import preprocess_of
from ..evaluation.score import evaluate
from ..losses import objective_of
from ..model_file.releases import find_model
from ..runtime.mindspore_runtime import MindSporePredictor
from ..spec.modnet import ModNetSpec
from .budget import by_part, search_ratio
from .calibration import folder_batches, recalibrate, training_batches
from .compression import CompressionForm, compression_info
from .groups import channels_of
from .importance import OF_WEIGHTS
from .measure import MEASURED_SIZE, Measure, Target, kept_channels, macs, parameters
from .norms import batch_normalised, input_statistics, instance_norms, measure_norms
from .options import PruneOptions
from .plan import PruningPlan
from .report import PruneReport, compare
from .sensitivity import Sensitivity, measure_sensitivity
from .strategies import Setting, global_threshold, original, uniform
from .surgery import arrays_of, prune
from .taylor import taylor

CHECKPOINT, SIDE_FILE = "pruned.ckpt", "pruned.json"


def prune_checkpoint(config: Config, options: PruneOptions) -> PruneReport:
    """Prune `config.ckpt_path` into `config.output_path`; raises MattingError for whatever the user can fix."""
    if not config.ckpt_path:
        raise ConfigError("Name the network to prune: --ckpt_path FILE.ckpt")
    output = Path(config.output_path)
    if (output / CHECKPOINT).exists():
        raise OutputError(f"{output} holds a pruned network already, which stays. Give another --output_path.")
    network, meta = load_network(config.ckpt_path)
    make_folder(output)
    run = _Run(network, meta, config, options, output)
    plan = run.plan()
    narrow, norms = run.renorm(prune(network, plan.keep, run.setting.channels))
    plan = replace(plan, settings=plan.settings | norms)
    batches = run.recalibrate(narrow)
    latency = run.check_latency(narrow, plan.keep)
    source = file_source(find_model(config.ckpt_path, (".ckpt",)))
    report = compare(network, narrow, source, plan.strategy, plan.settings, batches, latency)
    meta = meta.renewed(source | {"pruning": plan.summary()}, narrow.spec)
    save_checkpoint(output / CHECKPOINT, weights_of(narrow), meta)  # before what tells of it
    report.save(output)
    if isinstance(narrow.spec, ModNetSpec):
        _save_side_file(narrow.spec, options, output)
    return report


def _save_side_file(spec: ModNetSpec, options: PruneOptions, output: Path) -> None:
    try:
        info = compression_info(spec, options.threshold)
    except NetworkError as error:
        logger.info("no %s for ModelCompression's programs: %s", SIDE_FILE, error)
        return
    write_text(output / SIDE_FILE, json.dumps(info))
    logger.info("%s describes the network to ModelCompression's programs", SIDE_FILE)


def _bar(text: str, unit: str) -> Callable[[Iterable], Iterable]:
    return lambda items: tqdm(items, text, unit=unit, disable=None)


@dataclass
class _Run:
    """One pruning: the network, and what the strategies need beside it."""

    network: nn.Cell
    meta: Meta
    config: Config
    options: PruneOptions
    output: Path

    def __post_init__(self) -> None:
        options, config = self.options, self.config
        if options.norm != "ib" and options.calibration is None and config.train_dataset is None:
            raise ConfigError("`norm` needs images for new batch norms' statistics: give --config or --calibration.")
        if options.norm == "auto" and config.val_dataset is None:
            raise ConfigError("`norm: auto` needs images to score: give --config with a `val_dataset`.")
        form = CompressionForm(self.network.spec, options.limits.multiple) if options.compatible else None
        self.channels, weights = channels_of(self.network), arrays_of(self.network)
        self.setting = Setting(self.channels, weights, self._scores(weights), options.limits, form)
        self.table: Measure | None = None

    def _scores(self, weights: dict[str, np.ndarray]) -> np.ndarray:
        if self.options.importance in OF_WEIGHTS:
            return OF_WEIGHTS[self.options.importance](weights, self.channels, self.options.gather)
        if self.config.train_dataset is None:
            raise ConfigError("Taylor importance needs images with alphas: give --config with a `train_dataset`.")
        self._check_normalisation()
        batches = training_batches(self.config.dataset("train_dataset"), self.options.batches, self.config.seed)
        losses = objective_of(self.network.spec.network, self.config).losses
        bar = tqdm(batches, "importance", self.options.batches, unit="batch", disable=None)
        return taylor(self.network, self.channels, bar, losses, self.options.gather)

    def plan(self) -> PruningPlan:
        counts, settings = self._counts()
        limits = {"min_channels": self.options.limits.min_channels, "multiple": self.options.limits.multiple}
        settings = {"importance": self.options.importance, **settings, **limits}
        return PruningPlan(self.setting.keep(counts), self.options.strategy, settings)

    def _counts(self) -> tuple[np.ndarray, dict[str, Any]]:
        """Channels that each group keeps, and the numbers behind them."""
        options, setting = self.options, self.setting
        if options.strategy == "original":
            settings = {"ratio": options.ratio, "threshold": options.threshold}
            return original(setting, **settings), settings
        if options.strategy == "budget":
            counts, ratios = by_part(setting, options.target, self._measure(options.target))
            return counts, {"target": options.target.format(options.target.value)} | {
                f"ratio_{part}": round(ratio, 4) for part, ratio in ratios.items()
            }
        strategies = {"uniform": uniform, "global": global_threshold}
        if options.strategy in strategies and options.target is None:
            return strategies[options.strategy](setting, options.ratio), {"ratio": options.ratio}
        strategy = strategies.get(options.strategy) or self._sensitivity().allot
        target = options.target or Target("channels", (1 - options.ratio) * setting.sizes.sum())
        counts, strength = search_ratio(setting, strategy, target, self._measure(target))
        return counts, {"target": target.format(target.value), "strength": round(strength, 4)}

    def _measure(self, target: Target) -> Measure:
        if target.kind == "channels":
            return kept_channels(self.channels)
        if target.kind == "params":
            return parameters(self.network, self.channels)
        if target.kind == "macs":
            return macs(self.network, self.channels, *target.size)
        from .latency import measure_latency  # needs onnx and openvino

        self.table = measure_latency(self.network, self.setting, target.size, progress=_bar("latency", "width"))
        self.table.save(self.output / "latency.csv")
        logger.info("the network takes %s", target.format(self.table.dense))
        return self.table

    def check_latency(self, narrow: nn.Cell, keep: np.ndarray) -> dict[str, float] | None:
        """Milliseconds before, predicted and measured, where the target was a latency; warns where these two differ.

        The table knows nothing of norms that were replaced: then there is no warning.
        """
        if self.table is None:
            return None
        from .latency import LatencyCheck, profile_openvino

        measured = sum(profile_openvino(narrow, *self.options.target.size).values())
        check = LatencyCheck(self.table.dense, self.table(keep), measured)
        if check.warning and self.options.norm == "ib":
            logger.warning("%s", check.warning)
        return asdict(check)

    def _sensitivity(self) -> Sensitivity:
        if self.config.val_dataset is None:
            raise ConfigError("The strategy `sensitivity` needs images to score: give --config with a `val_dataset`.")
        score = self._score()
        table = measure_sensitivity(
            self.network, self.setting, lambda: score(self.network), progress=_bar("sensitivity", "trial")
        )
        table.save(self.output / "sensitivity.csv")
        table.draw(self.output / "sensitivity.png")
        return table

    def _score(self) -> Callable[[nn.Cell], float]:
        """MSE of a network on the first validation images."""
        spec = self.config.dataset("val_dataset")
        pairs = evaluation_pairs(spec)[: self.options.pictures]

        def score(network: nn.Cell) -> float:
            predictor = MindSporePredictor(network, self.meta.preprocess)
            return evaluate(predictor, pairs, "", spec.dataset_root, allow_rgb=spec.alpha_allow_rgb).whole["mse"]

        return score

    def renorm(self, narrow: nn.Cell) -> tuple[nn.Cell, dict[str, str]]:
        """Put batch norms where the options ask for them: the network, and what was done in words."""
        options = self.options
        if options.norm == "ib":
            return narrow, {}
        images, every = list(self._images()), list(instance_norms(narrow))
        layers = self._paying(narrow, images) if options.norm == "auto" else every
        done = f"{options.norm} ({len(layers)} of {len(every)} layers batch-normalised)"
        return batch_normalised(narrow, layers, input_statistics(narrow, layers, images)), {"norm": done}

    def _paying(self, narrow: nn.Cell, images: list[np.ndarray]) -> list[str]:
        """Norms that are worth replacing, by measuring each; leaves the table."""
        score, bar = self._score(), _bar("norms", "layer")
        table = measure_norms(self.network, narrow, score, images, MEASURED_SIZE, progress=bar)
        table.save(self.output / "norms.csv")
        chosen = table.choose(self.options.norm_cost)
        together = batch_normalised(self.network, chosen, input_statistics(self.network, chosen, images))
        for line in (*table.lines(), f"together: MSE {table.unchanged:.5f} => {score(together):.5f} before retraining"):
            logger.info("%s", line)
        return chosen

    def recalibrate(self, narrow: nn.Cell) -> int:
        """Renew batch norms' statistics where there are images; returns the number of batches."""
        images = self._images() if self.options.recalibrate else None
        if images is None:
            logger.info("batch norms keep their statistics: images (--config or --calibration) would renew them")
            return 0
        return recalibrate(narrow, tqdm(images, "batch norms", unit="batch", disable=None))

    def _images(self) -> Iterable[np.ndarray] | None:
        """Batches of images without labels, [N, 3, H, W]; None where no images are given."""
        options = self.options
        if options.calibration is not None:
            return folder_batches(options.calibration, self.meta.preprocess, options.batches)
        if self.config.train_dataset is None:
            return None
        self._check_normalisation()
        spec = self.config.dataset("train_dataset")
        return (image for image, _, _ in training_batches(spec, options.batches, self.config.seed))

    def _check_normalisation(self) -> None:
        stated, own = preprocess_of(self.config), self.meta.preprocess
        if (stated.mean, stated.std) != (own.mean, own.std):
            raise ConfigError(
                f"The network was trained with mean {own.mean} and std {own.std}, the configuration's Normalize says "
                f"{stated.mean} and {stated.std}. Use the configuration that it was trained with."
            )
