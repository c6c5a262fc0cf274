"""Adam with decoupled weight decay (Loshchilov and Hutter 2019)."""

import mindspore as ms
from mindspore import nn, ops

from ...config.sections import OptimiserSection
from .registry import UNSET_RATE, Groups, register


@register("adamw")
def adamw(groups: Groups, settings: OptimiserSection) -> nn.Optimizer:
    """`AdamW`; `momentum` is its beta1."""
    return AdamW(groups, UNSET_RATE, settings.momentum, settings.beta2)


class AdamW(nn.Adam):
    """Adam that takes lr * decay * w off the weights before its own step.

    `nn.AdamWeightDecay` leaves out Adam's bias correction, which short runs need.
    """

    def __init__(self, groups: Groups, learning_rate: float, beta1: float, beta2: float) -> None:
        plain = [{"params": group["params"], "weight_decay": 0.0} for group in groups]
        super().__init__(plain, learning_rate=learning_rate, beta1=beta1, beta2=beta2)
        decay = {id(p): group["weight_decay"] for group in groups for p in group["params"]}
        self.decays = tuple(decay[id(p)] for p in self.parameters)

    @ms.jit  # as Adam's own is, which alone would be compiled as this one and so decay a second time
    def construct(self, gradients: tuple[ms.Tensor, ...]) -> bool:
        """Update all parameters by their gradients."""
        for i in range(len(self.decays)):
            if self.decays[i] > 0:
                ops.assign(self.parameters[i], self.parameters[i] * (1 - self.learning_rate * self.decays[i]))
        return super().construct(gradients)
