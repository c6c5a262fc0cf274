"""A training run from a configuration: what `train.py` calls, step by step."""

from ..backend.device import select_device
from ..common.errors import DeviceError
from ..common.log import setup_logging
from ..config.config import Config
from .adaptation import check_adaptable, check_adaptation
from .inputs import find_inputs
from .network import check_input, start_network
from .objective import make_step
from .optimisers import find_optimiser
from .parallel import join, synchronise_batch_norm
from .schedule import find_schedule
from .trainer import Trainer


def train(config: Config) -> None:
    """One training run; raises MattingError for whatever the user can fix, before any work where that can be told."""
    device = select_device(config.run.device_target, None if config.run.distribute else config.run.device_id)
    check_options(config, device)
    world = join(config.run.distribute)
    setup_logging(rank=world.rank)
    inputs = find_inputs(config)
    start = start_network(config.network, config.run.resume, config.run.seed)
    check_input(start.spec, inputs.preprocess)
    if config.soc.soc:
        check_adaptable(start.spec)
    if config.run.sync_bn:
        synchronise_batch_norm(start.network, device)
    step = make_step(start.network, inputs.preprocess, config, world.size)
    Trainer(config, world, inputs, start, step).train()


def check_options(config: Config, device: str) -> None:
    """ConfigError or DeviceError for options that nobody knows, or that do not go together or with the device."""
    find_optimiser(config.optimiser.optimizer)
    find_schedule(config.schedule.lr_schedule)
    if config.soc.soc:
        check_adaptation(config)
    if config.optimiser.amp_level != "O0" and device == "CPU":
        raise DeviceError("amp_level O2 and O3 need GPU or Ascend: MindSpore has no float16 convolution on the CPU.")
