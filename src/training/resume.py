"""What a run must share with the one that it continues, and putting that one's state back."""

from typing import Any

from ..checkpoint.file import Checkpoint
from ..common.errors import CheckpointError
from ..config.config import Config
from .adaptation import AdaptationStep
from .step import TrainStep


def sample_order(config: Config, images: int, step_images: int) -> dict[str, Any]:
    """What decides which sample comes when, and what the optimiser's state means.

    The keys are those of checkpoints since the first release.
    """
    return {
        "seed": config.run.seed,
        "pictures": images,
        "step_pictures": step_images,
        "optimizer": config.optimiser.optimizer,
    }


def check_same_order(resumed: Checkpoint, order: dict[str, Any]) -> None:
    """CheckpointError where a run would not go on as the one of the checkpoint."""
    for name, value in order.items():
        if resumed.meta.train.get(name) != value:
            raise CheckpointError(
                f"{resumed.path} cannot be resumed: its {name} was {resumed.meta.train.get(name)}, now it is {value}. "
                "Resume with the configuration of the run (its config.yml), or start anew from its weights with "
                "--ckpt_path."
            )


def restore(step: TrainStep | AdaptationStep, resumed: Checkpoint) -> None:
    """Optimiser and trained weights as they were; CheckpointError where a tensor is missing or does not fit."""
    try:
        step.restore(resumed.state)
    except KeyError as error:
        last = f"{step.network.spec.title}_last.ckpt"
        raise CheckpointError(
            f"{resumed.path} lacks {error} of the training state: it holds weights alone, or the run was made with "
            f"other optimiser or EMA settings, or by an earlier version. Resume from {last}, or start anew with "
            "--ckpt_path."
        ) from error
    except ValueError as error:
        raise CheckpointError(
            f"{resumed.path} has another training state than this run: {error}. It is damaged, or of a run with other "
            "settings: resume with that run's config.yml, or start anew with --ckpt_path."
        ) from error
