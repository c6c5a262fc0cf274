"""What a run reads: training samples, validation pairs, and how images become the network's input."""

from dataclasses import dataclass

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
    spec, seed = config.dataset("train_dataset"), config.run.seed
    samples: Samples = UnlabelledSamples(spec, seed) if config.soc.soc else MattingSamples(spec, True, seed)
    check_sample_sides(samples)
    validation = evaluation_pairs(config.dataset("val_dataset")) if config.run.val_interval else []
    return Inputs(samples, validation, preprocess_of(config.data))
