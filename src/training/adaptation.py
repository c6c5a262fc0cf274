"""Self-supervised adaptation of a trained network (SOC): the step and the frozen copy behind it."""

import mindspore as ms
import numpy as np
from mindspore import nn

from ..checkpoint.file import weights_of
from ..config.sections import OptimiserSection, SocSection
from ..losses import soc_objective
from ..models.build import build_network
from ..models.norms import freeze_batch_norm
from .step import StepResult, TrainStep, put_back

_BACKUP = "backup/"


class AdaptationStep:
    """`TrainStep` on images without alpha: a copy of the network from before the epoch holds the details in place.

    The copy is run outside of the compiled step, which gets its predictions as inputs: MindSpore does not reliably
    show a compiled step what is put into a parameter from outside.

    Attributes:
        objective: as that of `TrainStep`.
        backup: the copy; its heads are on, its norms use their moving statistics, it learns nothing.
    """

    def __init__(self, network: nn.Cell, settings: OptimiserSection, soc: SocSection, world: int = 1) -> None:
        """As `TrainStep`, with the scales of the adaptation."""
        self.network = network
        self._step = TrainStep(network, settings, soc_objective(soc), world)
        self.objective = self._step.objective
        self.backup = build_network(network.spec).set_train(True)
        freeze_batch_norm(self.backup)
        self.end_epoch()

    def __call__(self, batch: tuple[np.ndarray, ...], lr: float, step: int) -> StepResult:
        """Update the weights with one batch, [N, 3, H, W], float32; `step` counts the run's steps from 0."""
        (image,) = batch
        _, detail, matte = self.backup(ms.Tensor(image))
        return self._step((image, detail.asnumpy(), matte.asnumpy()), lr, step)

    def weights(self) -> dict[str, ms.Tensor]:
        """As those of `TrainStep`."""
        return self._step.weights()

    def end_epoch(self) -> None:
        """Make the backup a copy of the network as it is now."""
        self._fill_backup(weights_of(self.network))

    def state(self) -> dict[str, ms.Tensor]:
        """`TrainStep.state` and the backup's weights."""
        return self._step.state() | {_BACKUP + name: value for name, value in weights_of(self.backup).items()}

    def restore(self, state: dict[str, ms.Parameter]) -> None:
        """Put back what `state` gave; KeyError or ValueError as `put_back`."""
        self._step.restore(state)
        put_back(state, [(_BACKUP + p.name, p) for p in self.backup.get_parameters()])

    def _fill_backup(self, weights: dict[str, ms.Tensor]) -> None:
        for parameter in self.backup.get_parameters():
            parameter.requires_grad = False
            parameter.set_data(ms.Tensor(weights[parameter.name]))
