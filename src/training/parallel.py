"""Data-parallel training under msrun, on GPU, Ascend or CPU processes."""

from dataclasses import dataclass

import mindspore as ms
from mindspore import nn

from ..common.errors import DeviceError
from ..common.log import logger


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1


def join(distribute: bool) -> World:
    """Join the other processes where `distribute` is on; raises DeviceError outside of msrun."""
    if not distribute:
        return World()
    from mindspore import communication

    try:
        communication.init()
    except (RuntimeError, ValueError, TypeError) as error:
        raise DeviceError(
            f"--distribute needs the processes that msrun starts ({error}). Use "
            "`bash scripts/run_distributed_train_gpu.sh CONFIG DEVICE_NUM DEVICES`."
        ) from error
    world = World(communication.get_rank(), communication.get_group_size())
    ms.set_auto_parallel_context(
        parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True, device_num=world.size
    )
    return world


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
