"""The sections of a configuration: each is what one part of the program needs to know.

A field is a key of the YAML file and a flag of the command line. Its metadata say what it means and which values it
takes; that is all a new key needs.
"""

import dataclasses
import typing
from dataclasses import dataclass, field
from typing import Any

from ..common.checks import SEEDS, check_choice, check_number
from ..common.errors import ConfigError
from ..spec.serialisation import SPECS
from ..spec.variants import LR_HEADS, NORMS
from .dataset import DatasetSpec
from .values import coerce

TEACHER_RUNTIMES = ("mindspore", "openvino", "openvino@bf16")
# Learning rates where none is given: the zoo's, and one that leaves the weights of a whole network in place.
FIRST_RATE, FINE_TUNING_RATE = 0.01, 0.0005
MMNET_LOSSES = ("lambda_alpha_loss", "lambda_comp_loss", "lambda_grad_loss", "lambda_kd_loss", "lambda_aux_loss")


def option(
    default: Any,
    text: str,
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    choices: tuple[str, ...] | None = None,
) -> Any:
    """A field with its help text and the values that it takes; None, where it is the default, needs no check."""
    limits = {"at_least": at_least, "above": above, "below": below, "choices": choices}
    return field(default=default, metadata={"help": text, **limits})


class Section:
    """A frozen dataclass whose fields are checked against their metadata. Raises ConfigError for what does not fit."""

    def __post_init__(self) -> None:
        types = typing.get_type_hints(type(self))
        for one in dataclasses.fields(self):  # type: ignore[arg-type]  # every subclass is a dataclass
            value = coerce(one.name, getattr(self, one.name), types[one.name])
            object.__setattr__(self, one.name, value)
            if value is not None:
                _check(one.name, value, one.metadata)


def _check(name: str, value: Any, limits: typing.Mapping[str, Any]) -> None:
    low, above, below = limits.get("at_least"), limits.get("above"), limits.get("below")
    if limits.get("choices") is not None:
        check_choice(name, value, limits["choices"])
    if low is not None and below is not None and not low <= value < below:
        raise ConfigError(f"`{name}` must lie in [{low}, {below}), got {value}.")
    if low is not None and not value >= low:
        raise ConfigError(f"`{name}` must be at least {low}, got {value}.")
    if above is not None and not value > above:
        raise ConfigError(f"`{name}` must be above {above}, got {value}.")
    if isinstance(value, int | float) and below is None:
        check_number(name, value)


@dataclass(frozen=True)
class DataSection(Section):
    """Which images are trained on and scored, and how a step takes them."""

    train_dataset: DatasetSpec | None = None
    val_dataset: DatasetSpec | None = None
    workers: int | None = option(None, "processes that prepare samples (over the data set's own key)", at_least=0)
    batch_size: int | None = option(None, "images a step and device (over the data set's own key)", at_least=1)

    def dataset(self, name: str) -> DatasetSpec:
        """`train_dataset` or `val_dataset`, with the run's `batch_size` and `workers` put in."""
        spec = getattr(self, name)
        if spec is None:
            raise ConfigError(f"The configuration has no `{name}` section. P3M.yml shows one.")
        over = {key: value for key in ("batch_size", "workers") if (value := getattr(self, key)) is not None}
        return dataclasses.replace(spec, **over)


@dataclass(frozen=True)
class NetworkSection(Section):
    """Which network is trained, and what it starts from."""

    network: str = option("modnet", "network: modnet or mmnet", choices=tuple(SPECS))
    encoder: str = option("mobilenetv2", "MODNet's encoder, such as mobilenetv2 or efficientnet_lite0")
    width_multiplier: float = option(1.0, "MMNet's width: 0.5, 0.75, 1.0, 1.4 or any other multiple", above=0)
    backbone_pretrained: bool | str = option(
        True, "start from the encoder's pretrained weights: True (converted file in pretrained/), False, or a path"
    )
    ckpt_path: str | None = option(None, "start from all weights of this checkpoint (its spec replaces `network`)")
    from_scratch: bool = option(
        False, "of `ckpt_path` take the widths and not the weights (with freeze_backbone: but the encoder's)"
    )
    norm: str | None = option(
        None,
        "norm of MODNet's branches: ib (half instance norm), batch (folds away in deployment); default: as it is",
        choices=NORMS,
    )
    lr_head: str | None = option(
        None,
        "what MODNet's low-resolution branch starts with: conv (5x5) or easpp (pyramid); default: as it is",
        choices=LR_HEADS,
    )
    freeze_backbone: bool = option(False, "leave the encoder as it is: its weights and its norms' statistics")
    bn_momentum: float | None = option(
        None,
        "share of the moving statistics that batch norms keep a step (default: MODNet 0.9, MMNet 0.999)",
        at_least=0,
        below=1,
    )
    freeze_norm: bool = option(False, "keep the batch norms' statistics")


@dataclass(frozen=True)
class LossSection(Section):
    """Weights of the parts of a network's own loss."""

    semantic_scale: float = option(10.0, "weight of MODNet's semantic loss", at_least=0)
    detail_scale: float = option(10.0, "weight of MODNet's detail loss", at_least=0)
    matte_scale: float = option(1.0, "weight of MODNet's matte loss", at_least=0)
    lambda_alpha_loss: float = option(
        1.0, "weight of MMNet's alpha loss (all five are divided by their sum)", at_least=0
    )
    lambda_comp_loss: float = option(1.0, "weight of MMNet's composition loss", at_least=0)
    lambda_grad_loss: float = option(1.0, "weight of MMNet's gradient loss", at_least=0)
    lambda_kd_loss: float = option(1.0, "weight of MMNet's distillation loss", at_least=0)
    lambda_aux_loss: float = option(1.0, "weight of MMNet's auxiliary loss", at_least=0)
    composition: str = option(
        "intended",
        "MMNet's composition loss: intended, or faithful to the original's (1/255)",
        choices=("intended", "faithful"),
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not any(getattr(self, name) for name in MMNET_LOSSES):
            raise ConfigError(f"One of MMNet's loss weights must be above 0: {', '.join(MMNET_LOSSES)}.")


@dataclass(frozen=True)
class DistillationSection(Section):
    """The teacher of a training, if there is one."""

    teacher: str | None = option(None, "checkpoint of a MODNet whose outputs and maps the trained one is drawn to")
    teacher_flip: bool = option(False, "the teacher sees each image's mirror image too, and teaches the mean")
    teacher_runtime: str = option(
        "mindspore",
        "what runs the teacher: mindspore, openvino or openvino@bf16 (outside of the step, on the CPU)",
        choices=TEACHER_RUNTIMES,
    )
    kd_scale: float = option(1.0, "weight of the teacher's mattes against the true ones", at_least=0)
    kd_feature_scale: float = option(1.0, "weight of the teacher's maps", at_least=0)

    def without_teacher(self) -> str | None:
        """The first setting that means nothing without a teacher, where there is none."""
        names = ("teacher_flip", "teacher_runtime") if self.teacher is None else ()
        return next((name for name in names if getattr(self, name) != getattr(type(self), name)), None)


@dataclass(frozen=True)
class SocSection(Section):
    """Self-supervised adaptation (SOC) of a trained network to images without alpha."""

    soc: bool = option(False, "adapt the trained network of `ckpt_path` to images without alpha")
    soc_semantic_scale: float = option(100.0, "weight of the consistency of semantic and matte predictions", at_least=0)
    soc_detail_scale: float = option(1.0, "weight of keeping details as they were before the epoch", at_least=0)


@dataclass(frozen=True)
class OptimiserSection(Section):
    """How gradients become updates: what, beside the losses, decides the compiled step."""

    optimizer: str = option("sgd", "sgd (momentum), adam or adamw")
    momentum: float = option(0.9, "momentum of SGD, beta1 of Adam", at_least=0, below=1)
    beta2: float = option(0.999, "beta2 of Adam", at_least=0, below=1)
    weight_decay: float = option(0.0, "weight decay on convolution and dense weights", at_least=0)
    clip_grad_norm: float = option(0.0, "clip the gradient's global norm to this; 0: off", at_least=0)
    ema_decay: float = option(
        0.0, "validate and save an exponential moving average of the weights; 0: off", at_least=0, below=1
    )
    amp_level: str = option(
        "O0",
        "mixed precision: O0 (float32), O2 (bfloat16 maps on CPUs that multiply it, float16 on GPU and Ascend), O3 "
        "(float16; GPU and Ascend), auto (O2 on such a CPU, else O0)",
        choices=("auto", "O0", "O2", "O3"),
    )


@dataclass(frozen=True)
class ScheduleSection(Section):
    """How long is trained, and with which learning rates."""

    epoch_size: int = option(40, "epochs", at_least=1)
    lr: float | None = option(
        None, "learning rate (default: 0.01; 0.0005 where training starts from a whole network)", above=0
    )
    lr_schedule: str = option("zoo", "zoo (halved every 10 epochs), constant, cosine or one_cycle")
    warmup_steps: int = option(0, "steps of linear warm-up (constant and cosine)", at_least=0)

    @property
    def peak(self) -> float:
        """The learning rate that the schedule rises to and falls from."""
        return FIRST_RATE if self.lr is None else self.lr


@dataclass(frozen=True)
class RunSection(Section):
    """Where a run computes and writes, and how often it validates, saves and logs."""

    resume: str | None = option(None, "continue a run: its folder or one of its checkpoints")
    output_path: str = option("./output", "folder of the run; an earlier run in it is never overwritten")
    device_target: str = option("auto", "auto, GPU, Ascend or CPU", choices=("auto", "GPU", "Ascend", "CPU"))
    device_id: int = option(0, "number of the device", at_least=0)
    distribute: bool = option(False, "data-parallel training; started by msrun (see scripts/)")
    sync_bn: bool = option(False, "batch norm over all devices' batches (Ascend)")
    seed: int = option(2022, "seed of weights, sample order and augmentation", at_least=0, below=SEEDS)
    val_interval: int = option(1, "validate every so many epochs; 0: never", at_least=0)
    ckpt_save_interval: int = option(1, "keep a checkpoint every so many epochs; 0: only last and best", at_least=0)
    ckpt_save_steps: int = option(0, "keep a checkpoint every so many steps, too; 0: off", at_least=0)
    keep_checkpoint_max: int = option(5, "how many of them to keep", at_least=1)
    save_last_minutes: float = option(10.0, "save the resumable checkpoint this often within an epoch", at_least=0)
    log_print_interval: int = option(10, "log every so many steps", at_least=1)
