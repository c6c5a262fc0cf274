"""A training run from a configuration: what `train.py` calls, step by step."""

from ..backend.device import select_device
from ..common.log import setup_logging
from ..config.config import Config
from ..models.norms import synchronise_batch_norm
from .checks import check_options, warn_of_rate
from .inputs import find_inputs
from .network import start_network
from .objective import make_step
from .parallel import join
from .trainer import Trainer


def train(config: Config) -> None:
    """One training run; raises MattingError for whatever the user can fix, before the first step."""
    device = select_device(config.run.device_target, None if config.run.distribute else config.run.device_id)
    check_options(config, device)
    world = join(config.run.distribute)
    setup_logging(rank=world.rank)
    inputs = find_inputs(config)
    start = start_network(config.network, config.run.resume, config.run.seed, inputs.preprocess, config.soc.soc)
    if start.whole:
        warn_of_rate(config.schedule)
    if config.run.sync_bn:
        synchronise_batch_norm(start.network, device)
    step = make_step(start.network, inputs.preprocess, config, world.size)
    Trainer(config, world, inputs, start, step).train()
