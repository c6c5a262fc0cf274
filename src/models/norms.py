"""Batch norms of a network taken together: found, frozen, and frozen for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from mindspore import nn

from ..common.errors import DeviceError
from ..common.log import logger


def batch_norms(network: nn.Cell) -> list[nn.BatchNorm2d]:
    """All batch norms of a network, in the order of its cells."""
    return [cell for _, cell in network.cells_and_names() if isinstance(cell, nn.BatchNorm2d)]


def freeze_batch_norm(network: nn.Cell) -> None:
    """Let every batch norm use, and keep, its moving statistics; call it after each `set_train`."""
    for norm in batch_norms(network):
        norm.set_train(False)


@contextmanager
def frozen_statistics(network: nn.Cell) -> Iterator[None]:
    """Within, the network has its training heads, and its batch norms use their moving statistics."""
    training = network.training
    network.set_train(True)
    freeze_batch_norm(network)
    try:
        yield
    finally:
        network.set_train(training)


def synchronise_batch_norm(network: nn.Cell, device: str) -> None:
    """Replace every batch norm by one whose statistics go over all devices' batches; same parameters, same names."""
    if device != "Ascend":
        raise DeviceError(f"sync_bn needs Ascend: MindSpore has no synchronised batch norm on {device}.")
    replaced = 0
    for _, parent in network.cells_and_names():
        for name, cell in parent.name_cells().items():
            if type(cell) is nn.BatchNorm2d:
                twin = nn.SyncBatchNorm(cell.num_features, eps=cell.eps, momentum=1 - cell.momentum)
                for leaf in ("gamma", "beta", "moving_mean", "moving_variance"):
                    setattr(twin, leaf, getattr(cell, leaf))
                setattr(parent, name, twin)
                replaced += 1
    logger.info("%d batch norms synchronised over all devices", replaced)
