"""What a run minimises, and the step that does it."""

from collections.abc import Callable
from functools import partial

from mindspore import nn

from ..checkpoint.file import load_network
from ..common.errors import ConfigError
from ..common.log import logger
from ..config.config import Config
from ..config.sections import DistillationSection, LossSection
from ..losses import Objective, distilled, objective_of
from ..losses.distillation import Run
from ..runtime.options import split_precision
from ..spec.preprocess import Preprocess
from .adaptation import AdaptationStep
from .precision import say_level
from .step import TrainStep

Step = TrainStep | AdaptationStep


def make_step(network: nn.Cell, pre: Preprocess, config: Config, world: int) -> Step:
    """The step of the run, for each of `world` processes."""
    say_level(config.optimiser.amp_level)
    if config.soc.soc:
        return AdaptationStep(network, config.optimiser, config.soc, world)
    objective = objective_for(network, pre, config.loss, config.distillation)
    return TrainStep(network, config.optimiser, objective, world)


def objective_for(network: nn.Cell, pre: Preprocess, loss: LossSection, distillation: DistillationSection) -> Objective:
    """The losses of the network's class and, where there is a teacher, its terms.

    Raises:
        ConfigError: the teacher is no MODNet, or takes images that are normalised otherwise.
    """
    objective = objective_of(network.spec.network, loss)
    if idle := distillation.without_teacher():
        raise ConfigError(f"`{idle}` needs a teacher: give --teacher CKPT, or leave --{idle} out.")
    if distillation.teacher is None:
        return objective
    teacher, meta = load_network(distillation.teacher)
    if (meta.preprocess.mean, meta.preprocess.std) != (pre.mean, pre.std):
        raise ConfigError(
            f"The teacher {distillation.teacher} takes images normalised with mean {meta.preprocess.mean} and std "
            f"{meta.preprocess.std}, `Normalize` says {pre.mean} and {pre.std}. Use the teacher's."
        )
    runtime = distillation.teacher_runtime
    logger.info("teacher: %s (epoch %d), run by %s", distillation.teacher, meta.epoch, runtime)
    return distilled(objective, network, teacher, distillation, loss, outside_teacher(runtime))


def outside_teacher(runtime: str) -> Callable[[nn.Cell], Run] | None:
    """What makes a teacher a function outside of the compiled step; None where it is part of it."""
    if runtime == "mindspore":
        return None
    from ..deploy.teacher import openvino_teacher  # onnx and openvino are for those who ask for them

    return partial(openvino_teacher, precision=split_precision(runtime)[1])
