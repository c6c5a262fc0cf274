"""Data-parallel training under msrun, on GPU, Ascend or CPU processes."""

import os
import signal
from dataclasses import dataclass

import mindspore as ms

from ..common.errors import DeviceError
from .launcher import LAUNCHER


@dataclass(frozen=True)
class World:
    """This process among those that train together."""

    rank: int = 0
    size: int = 1

    def decides(self) -> bool:
        """Whether this process, which was asked to stop, may do so.

        Rank 0 alone saves, and it needs the others to finish its step. So they tell the launcher, where there is one,
        and go on until they are ended.
        """
        if self.rank == 0:
            return True
        if os.environ.get(LAUNCHER) == str(os.getppid()):
            os.kill(os.getppid(), signal.SIGTERM)
        return False


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
