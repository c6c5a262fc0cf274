"""Options that cannot go together, found before any work: a run asks here, and so does the data doctor."""

from ..common.errors import ConfigError
from ..common.log import logger
from ..config.config import Config
from ..config.sections import FINE_TUNING_RATE, ScheduleSection
from ..data.preprocess import preprocess_of
from ..models.backbones import find_backbone
from .network import check_input, new_spec
from .optimisers import find_optimiser
from .precision import check_level
from .schedule import find_schedule

HIGH_RATE = 0.005  # at which training from a whole network gets a warning


def check_options(config: Config, device: str) -> None:
    """Check what can be told without a file of weights.

    Raises:
        ConfigError: an option that nobody knows, or some that do not go together.
        DeviceError: an option that the device does not have.
    """
    find_optimiser(config.optimiser.optimizer)
    find_schedule(config.schedule.lr_schedule)
    find_backbone(config.network.encoder)
    check_level(config.optimiser.amp_level, device)
    if idle := config.distillation.without_teacher():
        raise ConfigError(f"`{idle}` needs a teacher: give --teacher CKPT, or leave --{idle} out.")
    if config.soc.soc:
        _check_adaptation(config)


def warn_of_rate(schedule: ScheduleSection) -> None:
    """A warning for a learning rate that would soon undo what a whole network has learned."""
    if schedule.peak >= HIGH_RATE:
        logger.warning(
            "lr %g with the weights of a whole network: so high a rate undoes most of what they hold. Without --lr it "
            "is %g; configs/finetune.yml is a recipe. To train from new weights, add --from_scratch.", schedule.peak,
            FINE_TUNING_RATE,
        )  # fmt: skip


def check_new_network(config: Config) -> None:
    """ConfigError where a network that starts from nothing would not take the images as `Normalize` makes them."""
    if not (config.network.ckpt_path or config.run.resume):
        check_input(new_spec(config.network), preprocess_of(config.data))


def _check_adaptation(config: Config) -> None:
    """ConfigError where `soc` comes without a trained network, or with what would change that network otherwise."""
    if not (config.network.ckpt_path or config.run.resume):
        raise ConfigError(
            "`soc` makes a network's own predictions consistent, which says nothing to one that cannot predict yet: "
            "give the checkpoint of a trained MODNet as --ckpt_path."
        )
    values = config.values()
    given = [name for name in ("from_scratch", "norm", "lr_head", "teacher", "sync_bn") if values[name]]
    if given:
        raise ConfigError(
            f"`soc` adapts a trained network as it is, with its norms frozen: `{given[0]}` does not go with it. "
            f"Leave {' and '.join(f'`{name}`' for name in given)} out."
        )
