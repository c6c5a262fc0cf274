"""Adam (Kingma and Ba 2015)."""

from mindspore import nn

from ...config.sections import OptimiserSection
from .registry import UNSET_RATE, Groups, register


@register("adam")
def adam(groups: Groups, settings: OptimiserSection) -> nn.Optimizer:
    """MindSpore's Adam; `momentum` is its beta1."""
    return nn.Adam(groups, learning_rate=UNSET_RATE, beta1=settings.momentum, beta2=settings.beta2)
