"""One compiled training step: losses, gradients, reduction over devices, clipping, update, moving average."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn, ops

from ..checkpoint.file import copy_of, weights_of
from ..config.sections import OptimiserSection
from ..losses import Objective
from ..models.layers import Conv2d
from ..models.maps import set_half_maps
from ..models.norms import batch_norms
from .compile_cache import compile_cache, graph_key
from .loss_scale import LossScale
from .optimisers import build_optimizer
from .precision import float16, half_maps

_TRAINED = "trained/"  # of names in a training state: the values behind the moving averages
_ema_update = ops.MultitypeFuncGraph("ema_update")


@_ema_update.register("Tensor", "Tensor", "Tensor")
def _update_one(decay: ms.Tensor, average: ms.Tensor, value: ms.Tensor) -> ms.Tensor:
    return ops.assign(average, decay * average + (1 - decay) * value)


def depthwise_weights(network: nn.Cell) -> set[str]:
    """Names of the depthwise convolutions' kernels."""
    cells = [cell for _, cell in network.cells_and_names() if isinstance(cell, Conv2d)]
    return {cell.weight.name for cell in cells if cell.group > 1}


@dataclass(frozen=True)
class StepResult:
    """Losses of one step, each already scaled; `total` is their sum (mean over devices)."""

    total: float
    parts: dict[str, float]

    @property
    def finite(self) -> bool:
        """Whether the sum is neither NaN nor infinite."""
        return bool(np.isfinite(self.total))


def put_back(state: dict[str, ms.Parameter], places: list[tuple[str, ms.Parameter]]) -> None:
    """Set each parameter to the tensor of its name; KeyError or ValueError for one that is not there or does not fit.

    Then nothing changed.
    """
    for name, p in places:
        found = state[name]
        if (found.shape, found.dtype) != (p.shape, p.dtype):
            raise ValueError(f"{name} is {found.dtype} {list(found.shape)}, expected {p.dtype} {list(p.shape)}")
    for name, p in places:
        p.set_data(ms.Tensor(state[name]))


class TrainStep:
    """Network, optimiser and moving average behind one compiled call.

    Attributes:
        objective: what is minimised.
        ema: moving averages of the trained parameters by name, empty where switched off.
    """

    def __init__(self, network: nn.Cell, settings: OptimiserSection, objective: Objective, world: int = 1) -> None:
        """`world`: how many processes train together."""
        self.network, self.settings, self.objective, self.world = network, settings, objective, world
        self.half = half_maps(settings.amp_level)
        set_half_maps(network, self.half)
        undecayed = set() if objective.decay_depthwise else depthwise_weights(network)
        self.optimizer = build_optimizer(network.trainable_params(), settings, undecayed)
        self.ema: dict[str, ms.Parameter] = {}
        parameters = self.optimizer.parameters
        if settings.ema_decay:
            self.ema = {p.name: ms.Parameter(copy_of(p), f"ema.{p.name}", False) for p in parameters}
        self._step = _CompiledStep(network, self.optimizer, tuple(self.ema.values()), settings, world, objective)
        self._compiled = False

    def __call__(self, batch: tuple[np.ndarray, ...], lr: float, step: int) -> StepResult:
        """Update the weights with a batch of image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32.

        `step` counts the run's steps from 0.
        """
        # Early averages would hold the first weights for long: the decay rises to its value over the first steps.
        decay = min(self.settings.ema_decay, (1 + step) / (10 + step))
        image = batch[0]
        teacher_outputs = self.objective.teacher_outputs(image) if self.objective.teacher_outputs else ()
        rates = ms.Tensor(lr, ms.float32), ms.Tensor(decay, ms.float32)
        inputs = *map(ms.Tensor, batch), *rates, *map(ms.Tensor, teacher_outputs)
        with nullcontext() if self._compiled else self._cache(image.shape):
            losses = self._step(*inputs).asnumpy()
        self._compiled = True
        return StepResult(float(losses.sum()), dict(zip(self.objective.names, losses.tolist(), strict=True)))

    def _cache(self, shape: tuple[int, ...]) -> AbstractContextManager:
        """Where the graph for batches of `shape` may be kept; tried for one process on the CPU alone."""
        if self.world > 1 or ms.get_context("device_target") != "CPU":
            return nullcontext()
        trained = [p.name for p in self.optimizer.parameters]
        training = [cell.training for _, cell in self.network.cells_and_names()]
        momenta = [norm.momentum for norm in batch_norms(self.network)]
        losses, others = self.objective.losses.__qualname__, tuple(cell.spec for cell in self.objective.cells)
        objective = self.objective.names, losses, self.objective.decay_depthwise, self.objective.facts, others
        return compile_cache(
            graph_key(shape, self.settings, self.half, self.network.spec, trained, training, momenta, objective)
        )

    def end_epoch(self) -> None:
        """Called after an epoch's last step."""

    def weights(self) -> dict[str, ms.Tensor]:
        """The network's weights, with the moving averages where they are kept: what is scored, saved and used."""
        return weights_of(self.network) | {name: copy_of(p) for name, p in self.ema.items()}

    def state(self) -> dict[str, ms.Tensor]:
        """What a resumed training needs beside `weights`: the optimiser's tensors, and what they have averages for."""
        state = {f"optimizer/{p.name}": copy_of(p) for p in self.optimizer.get_parameters() if self._own(p)}
        state |= {p.name: copy_of(p) for p in self._step.loss_scale.get_parameters()}
        return state | {_TRAINED + p.name: copy_of(p) for p in self.optimizer.parameters if p.name in self.ema}

    def restore(self, state: dict[str, ms.Parameter]) -> None:
        """Go on from a checkpoint whose `weights` the network had when this step was made, with its `state`.

        KeyError or ValueError as `put_back`.
        """
        own = [(f"optimizer/{p.name}", p) for p in self.optimizer.get_parameters() if self._own(p)]
        scale = [
            (p.name, p) for p in self._step.loss_scale.get_parameters() if p.name in state
        ]  # earlier ones have none
        trained = [(_TRAINED + p.name, p) for p in self.network.get_parameters()]
        trained = [(name, p) for name, p in trained if p.name in self.ema or name in state]
        places = [*own, *scale, *trained]
        put_back(state, places)

    def _own(self, parameter: ms.Parameter) -> bool:
        """True for the optimiser's own tensors; its list holds the network's parameters too."""
        return all(parameter is not p for p in self.optimizer.parameters)


class _CompiledStep(nn.Cell):
    """The compiled function. A cell, because MindSpore gives a cached graph the parameters of a cell alone."""

    def __init__(
        self,
        network: nn.Cell,
        optimizer: nn.Optimizer,
        ema: tuple[ms.Parameter, ...],
        settings: OptimiserSection,
        world: int,
        objective: Objective,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.network, self.optimizer, self.averages = network, optimizer, ms.ParameterTuple(ema)
        self.others = nn.CellList(list(objective.cells), auto_prefix=False)
        scaled = float16(settings.amp_level)
        self.loss_scale = LossScale() if scaled else nn.CellList()  # an empty one has no parameters
        scale = self.loss_scale if isinstance(self.loss_scale, LossScale) else None
        self.step = _step_function(network, optimizer, self.averages, settings, world, objective.losses, scale)

    @ms.jit
    def construct(
        self,
        image: ms.Tensor,
        trimap: ms.Tensor,
        alpha: ms.Tensor,
        lr: ms.Tensor,
        decay: ms.Tensor,
        *teacher_outputs: ms.Tensor,
    ) -> ms.Tensor:
        return self.step(image, trimap, alpha, lr, decay, *teacher_outputs)


def _forward_function(network: nn.Cell, losses_of: Callable, loss_scale: LossScale | None) -> Callable:
    """(image, trimap, alpha, *teacher outputs) -> the sum of the losses (scaled where there is a scale), and they."""

    def forward(
        image: ms.Tensor, trimap: ms.Tensor, alpha: ms.Tensor, *teacher_outputs: ms.Tensor
    ) -> tuple[ms.Tensor, ms.Tensor]:
        losses = ops.stack(losses_of(network(image), image, trimap, alpha, *teacher_outputs))
        total = losses.sum()
        if loss_scale is not None:
            total = loss_scale.scale(total)
        return total, losses

    return forward


def _step_function(
    network: nn.Cell,
    optimizer: nn.Optimizer,
    ema: ms.ParameterTuple,
    settings: OptimiserSection,
    world: int,
    losses_of: Callable,
    loss_scale: LossScale | None,
) -> Callable:
    if loss_scale is not None:
        network = ms.amp.auto_mixed_precision(network, settings.amp_level)
    clip, averages = settings.clip_grad_norm, bool(ema)
    reducer = nn.DistributedGradReducer(optimizer.parameters, True, world) if world > 1 else None
    all_reduce: Any = ops.AllReduce() if world > 1 else None
    forward = _forward_function(network, losses_of, loss_scale)
    gradient = ms.value_and_grad(forward, None, optimizer.parameters, has_aux=True)

    def step(
        image: ms.Tensor,
        trimap: ms.Tensor,
        alpha: ms.Tensor,
        lr: ms.Tensor,
        decay: ms.Tensor,
        *teacher_outputs: ms.Tensor,
    ) -> ms.Tensor:
        # In here, because a compiled step may go on with the rate of its first call when it is set from outside.
        ops.assign(optimizer.learning_rate, lr)
        (_, losses), gradients = gradient(image, trimap, alpha, *teacher_outputs)
        if reducer is not None:
            gradients = reducer(gradients)
            losses = all_reduce(losses) / world
        finite = True
        if loss_scale is not None:
            finite = ms.amp.all_finite(gradients)
            gradients = loss_scale.unscale(gradients)
            loss_scale.adjust(finite)
        if clip > 0:
            gradients = ops.clip_by_global_norm(gradients, clip)
        if finite:
            optimizer(gradients)
        if averages:
            ops.HyperMap()(ops.partial(_ema_update, decay), ema, optimizer.parameters)
        return losses

    return step
