"""What `train.py` calls: device, processes, trainer."""

from ..backend.device import select_device
from ..common.errors import DeviceError
from ..common.log import setup_logging
from ..config.config import Config
from . import parallel
from .trainer import Trainer


def train(config: Config) -> None:
    """One training run from a configuration; raises MattingError for whatever the user can fix."""
    device = select_device(config.device_target, None if config.distribute else config.device_id)
    if config.amp_level != "O0" and device == "CPU":
        raise DeviceError("amp_level O2 and O3 need GPU or Ascend: MindSpore has no float16 convolution on the CPU.")
    world = parallel.join(config)
    setup_logging(rank=world.rank)
    Trainer(config, device, world).train()
