"""What a run reads: training samples, validation pairs, and how images become the network's input."""

from dataclasses import dataclass

from ..common.errors import ConfigError
from ..config.config import Config
from ..data.pairs import Pair, evaluation_pairs
from ..data.preprocess import preprocess_of
from ..data.sample_size import check_sample_sides
from ..data.samples import MattingSamples, Samples
from ..data.unlabelled import UnlabelledSamples
from ..spec.preprocess import Preprocess


@dataclass(frozen=True)
class Inputs:
    """The data of a run; `validation` is empty where it never validates."""

    samples: Samples
    validation: list[Pair]
    preprocess: Preprocess


def find_inputs(config: Config) -> Inputs:
    """Find all files, before any other work; ConfigError or DataError where something is missing."""
    if config.soc.soc:
        _check_adaptation(config)
    spec, seed = config.dataset("train_dataset"), config.run.seed
    samples: Samples = UnlabelledSamples(spec, seed) if config.soc.soc else MattingSamples(spec, True, seed)
    check_sample_sides(samples)
    validation = evaluation_pairs(config.dataset("val_dataset")) if config.run.val_interval else []
    return Inputs(samples, validation, preprocess_of(config.data))


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
