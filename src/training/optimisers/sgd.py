"""Stochastic gradient descent with momentum."""

from mindspore import nn

from ...config.sections import OptimiserSection
from .registry import UNSET_RATE, Groups, register


@register("sgd")
def sgd(groups: Groups, settings: OptimiserSection) -> nn.Optimizer:
    """MindSpore's SGD."""
    return nn.SGD(groups, learning_rate=UNSET_RATE, momentum=settings.momentum)
