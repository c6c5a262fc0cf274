"""Training steps from flat configurations, as a run makes them."""

from mindspore import nn

from src.config.config import Config
from src.losses import Objective, objective_of
from src.training.adaptation import AdaptationStep
from src.training.network import adjust
from src.training.step import TrainStep


def train_step(network: nn.Cell, config: Config, world: int = 1, objective: Objective | None = None) -> TrainStep:
    """The step of a run with this configuration; by default for the objective of the network's class."""
    adjust(network, config.network)
    return TrainStep(network, config.optimiser, objective or objective_of(network.spec.network, config.loss), world)


def adaptation_step(network: nn.Cell, config: Config) -> AdaptationStep:
    """The step of an adaptation with this configuration."""
    return AdaptationStep(network, config.optimiser, config.soc)
