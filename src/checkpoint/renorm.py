"""Weights for a network with other norms or another head than the one they come from."""

import mindspore as ms
from mindspore import nn


def renormed(network: nn.Cell, weights: dict[str, ms.Parameter]) -> dict[str, ms.Parameter]:
    """Weights for a network with another head, or that batch-normalises more channels, than the one they are from.

    The new entries of a norm are those of a fresh one: an instance norm without affine is a batch norm with scale 1
    and shift 0 on other statistics, and training soon renews the moving ones.
    """
    result = {}
    for parameter in network.get_parameters():
        value, known = parameter.asnumpy().copy(), weights.get(parameter.name)
        if known is not None and known.ndim == value.ndim == 1:
            value[: known.shape[0]] = known.asnumpy()[: value.shape[0]]
        elif known is not None:
            value = known.asnumpy()
        result[parameter.name] = ms.Parameter(ms.Tensor(value), name=parameter.name)
    return result
