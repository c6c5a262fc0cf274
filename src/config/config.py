"""YAML and command line -> one frozen `Config`. Command line over YAML over the defaults below.

Every name below is a key of the YAML file and a flag of the command line; an unknown one is an error that names
the nearest. `Config` never changes after loading, and the resolved copy is saved with every run.
"""

import argparse
import dataclasses
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.checks import check_choice
from ..common.errors import ConfigError
from ..common.files import write_text
from ..common.text import nearest
from ..spec.serialisation import SPECS
from ..spec.variants import LR_HEADS, NORMS
from .dataset import DatasetSpec
from .values import coerce, plain
from .yaml_file import import_yaml, read_yaml

TARGETS = ("auto", "GPU", "Ascend", "CPU")
OPTIMIZERS = ("sgd", "adam", "adamw")
SCHEDULES = ("zoo", "constant", "cosine", "one_cycle")
AMP_LEVELS = ("O0", "O2", "O3")
TEACHER_RUNTIMES = ("mindspore", "openvino", "openvino@bf16")
COMPOSITIONS = ("intended", "faithful")
MMNET_LOSSES = ("lambda_alpha_loss", "lambda_comp_loss", "lambda_grad_loss", "lambda_kd_loss", "lambda_aux_loss")


def option(default: Any, text: str) -> Any:
    return field(default=default, metadata={"help": text})


@dataclass(frozen=True)
class Config:
    """One run's configuration. Raises ConfigError for a value that cannot be used."""

    train_dataset: DatasetSpec | None = None
    val_dataset: DatasetSpec | None = None

    network: str = option("modnet", "network: modnet or mmnet")
    encoder: str = option("mobilenetv2", "MODNet's encoder: mobilenetv2 or efficientnet_lite0")
    width_multiplier: float = option(1.0, "MMNet's width: 0.5, 0.75, 1.0, 1.4 or any other multiple")
    backbone_pretrained: bool | str = option(
        True, "start from the encoder's pretrained weights: True (converted file in pretrained/), False, or a path"
    )
    ckpt_path: str | None = option(None, "start from all weights of this checkpoint (its spec replaces `network`)")
    from_scratch: bool = option(
        False, "of `ckpt_path` take the widths and not the weights (with freeze_backbone: but the encoder's)"
    )
    norm: str | None = option(
        None, "norm of MODNet's branches: ib (half instance norm), batch (folds away in deployment); default: as it is"
    )
    lr_head: str | None = option(
        None, "what MODNet's low-resolution branch starts with: conv (5x5) or easpp (pyramid); default: as it is"
    )
    teacher: str | None = option(None, "checkpoint of a MODNet whose outputs and maps the trained one is drawn to")
    teacher_flip: bool = option(False, "the teacher sees each image's mirror image too, and teaches the mean")
    teacher_runtime: str = option(
        "mindspore", "what runs the teacher: mindspore, openvino or openvino@bf16 (outside of the step, on the CPU)"
    )
    kd_scale: float = option(1.0, "weight of the teacher's mattes against the true ones")
    kd_feature_scale: float = option(1.0, "weight of the teacher's maps")
    soc: bool = option(False, "adapt the trained network of `ckpt_path` to images without alpha")
    soc_semantic_scale: float = option(100.0, "weight of the consistency of semantic and matte predictions")
    soc_detail_scale: float = option(1.0, "weight of keeping details as they were before the epoch")
    resume: str | None = option(None, "continue a run: its folder or one of its checkpoints")
    output_path: str = option("./output", "folder of the run; an earlier run in it is never overwritten")

    device_target: str = option("auto", "auto, GPU, Ascend or CPU")
    device_id: int = option(0, "number of the device")
    distribute: bool = option(False, "data-parallel training; started by msrun (see scripts/)")
    sync_bn: bool = option(False, "batch norm over all devices' batches (Ascend)")
    amp_level: str = option("O0", "mixed precision: O0 (float32), O2 or O3 (float16; GPU and Ascend)")
    workers: int | None = option(None, "processes that prepare samples (over the data set's own key)")

    epoch_size: int = option(40, "epochs")
    batch_size: int | None = option(None, "images a step and device (over the data set's own key)")
    lr: float = option(0.01, "learning rate")
    lr_schedule: str = option("zoo", "zoo (halved every 10 epochs), constant, cosine or one_cycle")
    warmup_steps: int = option(0, "steps of linear warm-up (constant and cosine)")
    optimizer: str = option("sgd", "sgd (momentum), adam or adamw")
    momentum: float = option(0.9, "momentum of SGD, beta1 of Adam")
    beta2: float = option(0.999, "beta2 of Adam")
    weight_decay: float = option(0.0, "weight decay on convolution and dense weights")
    semantic_scale: float = option(10.0, "weight of MODNet's semantic loss")
    detail_scale: float = option(10.0, "weight of MODNet's detail loss")
    matte_scale: float = option(1.0, "weight of MODNet's matte loss")
    lambda_alpha_loss: float = option(1.0, "weight of MMNet's alpha loss (all five are divided by their sum)")
    lambda_comp_loss: float = option(1.0, "weight of MMNet's composition loss")
    lambda_grad_loss: float = option(1.0, "weight of MMNet's gradient loss")
    lambda_kd_loss: float = option(1.0, "weight of MMNet's distillation loss")
    lambda_aux_loss: float = option(1.0, "weight of MMNet's auxiliary loss")
    composition: str = option("intended", "MMNet's composition loss: intended, or faithful to the original's (1/255)")
    clip_grad_norm: float = option(0.0, "clip the gradient's global norm to this; 0: off")
    ema_decay: float = option(0.0, "validate and save an exponential moving average of the weights; 0: off")
    freeze_backbone: bool = option(False, "do not train the encoder")
    bn_momentum: float | None = option(
        None, "share of the moving statistics that batch norms keep a step (default: MODNet 0.9, MMNet 0.999)"
    )
    freeze_norm: bool = option(False, "keep the batch norms' statistics")
    seed: int = option(2022, "seed of weights, sample order and augmentation")

    val_interval: int = option(1, "validate every so many epochs; 0: never")
    ckpt_save_interval: int = option(1, "keep a checkpoint every so many epochs; 0: only last and best")
    ckpt_save_steps: int = option(0, "keep a checkpoint every so many steps, too; 0: off")
    keep_checkpoint_max: int = option(5, "how many of them to keep")
    save_last_minutes: float = option(10.0, "save the resumable checkpoint this often within an epoch")
    log_print_interval: int = option(10, "log every so many steps")

    def __post_init__(self) -> None:
        for f in dataclasses.fields(self):
            object.__setattr__(self, f.name, coerce(f.name, getattr(self, f.name), _types()[f.name]))
        check_choice("network", self.network, tuple(SPECS))
        check_choice("device_target", self.device_target, TARGETS)
        check_choice("amp_level", self.amp_level, AMP_LEVELS)
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("lr_schedule", self.lr_schedule, SCHEDULES)
        for name, choices in (("norm", NORMS), ("lr_head", LR_HEADS)):
            if getattr(self, name) is not None:
                check_choice(name, getattr(self, name), choices)
        check_choice("teacher_runtime", self.teacher_runtime, TEACHER_RUNTIMES)
        check_choice("composition", self.composition, COMPOSITIONS)
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise ConfigError(f"`{name}` must be at least {least}, got {value}.")
        for name in ("momentum", "beta2", "ema_decay", "bn_momentum"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise ConfigError(f"`{name}` must lie in [0, 1), got {getattr(self, name)}.")
        for name in ("lr", "width_multiplier"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"`{name}` must be above 0, got {getattr(self, name)}.")
        if not any(getattr(self, name) for name in MMNET_LOSSES):
            raise ConfigError(f"One of MMNet's loss weights must be above 0: {', '.join(MMNET_LOSSES)}.")

    def dataset(self, section: str) -> DatasetSpec:
        """`train_dataset` or `val_dataset`, with the run's `batch_size` and `workers` put in."""
        spec = getattr(self, section)
        if spec is None:
            raise ConfigError(f"The configuration has no `{section}` section. P3M.yml shows one.")
        over = {k: v for k in ("batch_size", "workers") if (v := getattr(self, k)) is not None}
        return dataclasses.replace(spec, **over)

    def save(self, path: Path) -> None:
        """Write the resolved configuration as YAML that `load_config` reads."""
        write_text(path, import_yaml().safe_dump(plain(dataclasses.asdict(self)), sort_keys=False, allow_unicode=True))


_LEAST = {
    "device_id": 0, "workers": 0, "epoch_size": 1, "batch_size": 1, "warmup_steps": 0, "weight_decay": 0,
    "semantic_scale": 0, "detail_scale": 0, "matte_scale": 0, "clip_grad_norm": 0, "seed": 0, "val_interval": 0,
    "ckpt_save_interval": 0, "ckpt_save_steps": 0, "keep_checkpoint_max": 1, "save_last_minutes": 0,
    "log_print_interval": 1, "kd_scale": 0, "kd_feature_scale": 0, "soc_semantic_scale": 0, "soc_detail_scale": 0,
    **dict.fromkeys(MMNET_LOSSES, 0),
}  # fmt: skip


def load_config(path: str | Path | None, overrides: dict[str, Any] | None = None) -> Config:
    """Read a YAML file (None: defaults only) and put `overrides` (flags that were given) over it."""
    values = read_yaml(Path(path), "configuration", "Give --config FILE.yml.") if path else {}
    known = list(_types())
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: unknown key `{key}`.{nearest(key, known)}")
    for section in ("train_dataset", "val_dataset"):
        if values.get(section) is not None:
            values[section] = DatasetSpec.from_dict(values[section], section)
    return Config(**(values | (overrides or {})))


def add_arguments(parser: argparse.ArgumentParser, names: tuple[str, ...] | None = None) -> None:
    """Add `--config` and a flag for each field of `Config` (all, or those named), absent unless given."""
    parser.add_argument("-c", "--config", help="YAML file")
    for f in dataclasses.fields(Config):
        if "help" in f.metadata and (names is None or f.name in names):
            text = f"{f.metadata['help']} (default: {f.default})"
            alone = {"nargs": "?", "const": "True"} if f.default is False else {}  # `--soc` as well as `--soc True`
            parser.add_argument(f"--{f.name}", default=argparse.SUPPRESS, help=text, metavar=f.name.upper(), **alone)


def config_from_args(args: argparse.Namespace) -> Config:
    names = _types()
    return load_config(args.config, {k: v for k, v in vars(args).items() if k in names})


def _types() -> dict[str, Any]:
    return typing.get_type_hints(Config)
