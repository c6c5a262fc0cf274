"""Loss scaling for mixed precision: small gradients survive in float16, and a step that overflows is left out."""

import mindspore as ms
from mindspore import nn, ops

FIRST, LEAST, MOST = 2.0**16, 1.0, 2.0**30
FACTOR = 2.0
WINDOW = 1000  # steps without an overflow after which the scale grows

_scaled = ops.MultitypeFuncGraph("scaled")


@_scaled.register("Tensor", "Tensor")
def _scaled_one(factor: ms.Tensor, gradient: ms.Tensor) -> ms.Tensor:
    return gradient * factor.astype(gradient.dtype)


class LossScale(nn.Cell):
    """The scale of the loss, halved after each overflow and doubled after `WINDOW` steps without one.

    `ms.amp.DynamicLossScaler` by the same rule computes a remainder, for which the GPU library registers no kernel; and
    its numbers are no part of a run's state.

    Attributes:
        value: the scale, float32.
        good_steps: steps since it was last changed, int32.
    """

    def __init__(self) -> None:
        super().__init__(auto_prefix=False)
        self.value = ms.Parameter(ms.Tensor(FIRST, ms.float32), "loss_scale/value", requires_grad=False)
        self.good_steps = ms.Parameter(ms.Tensor(0, ms.int32), "loss_scale/good_steps", requires_grad=False)

    def scale(self, loss: ms.Tensor) -> ms.Tensor:
        """The loss times the scale, in the loss's type."""
        return loss * self.value.astype(loss.dtype)

    def unscale(self, gradients: tuple[ms.Tensor, ...]) -> tuple[ms.Tensor, ...]:
        """Gradients of a scaled loss -> those of the loss."""
        return ops.HyperMap()(ops.partial(_scaled, 1 / self.value), gradients)

    def adjust(self, finite: ms.Tensor) -> None:
        """Take note of a step, of which `finite` says whether all its gradients were."""
        good = ops.select(finite, self.good_steps + 1, ops.zeros_like(self.good_steps))
        full = good >= WINDOW
        grown = ops.select(full, ops.minimum(self.value * FACTOR, ms.Tensor(MOST, ms.float32)), self.value + 0)
        shrunk = ops.maximum(self.value / FACTOR, ms.Tensor(LEAST, ms.float32))
        ops.assign(self.value, ops.select(finite, grown, shrunk))
        ops.assign(self.good_steps, ops.select(full, ops.zeros_like(good), good))
