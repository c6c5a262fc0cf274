"""Weights averaged over checkpoints of one network, which costs nothing when the network runs.

Along one training (Izmailov et al., arXiv 1803.05407), or over several trainings from one start (Wortsman et al., arXiv
2203.05482).
"""

from collections.abc import Sequence
from pathlib import Path

import mindspore as ms
import numpy as np

from ..common.errors import CheckpointError, ConfigError
from ..common.files import refuse_existing
from ..common.log import logger
from .file import Checkpoint, read_checkpoint, save_checkpoint


def average_checkpoints(paths: Sequence[Path], shares: Sequence[float] | None, output: Path) -> None:
    """Write the mean of networks, moving statistics included, as a checkpoint without training state and scores.

    It is float32, summed in float64, and close to all of them only where they lie close together: the log says how far
    each is from the first.

    Args:
        paths: two checkpoints or more of equal specs; the first one's pre-processing is kept.
        shares: a positive weight for each, of any sum; None: all count alike.
        output: the new file.

    Raises:
        ConfigError: too few checkpoints, or shares that do not fit them.
        CheckpointError: a file is missing or foreign, of another network, or holds values that are not finite.
        OutputError: `output` is there already, or cannot be written.
    """
    parts = _normalised(shares, len(paths))
    refuse_existing(output)
    checkpoints = [read_checkpoint(path) for path in paths]
    first = checkpoints[0]
    total = {name: np.zeros(value.shape) for name, value in first.weights.items()}
    for checkpoint, share in zip(checkpoints, parts, strict=True):
        _check_same_network(first, checkpoint)
        logger.info("%.3f of %s, %.2f %% from the first", share, checkpoint.path, 100 * _distance(first, checkpoint))
        for name, value in checkpoint.weights.items():
            total[name] += share * value.asnumpy()
    source = ", ".join(f"{share:.3f} {path.name}" for share, path in zip(parts, paths, strict=True))
    meta = first.meta.renewed({"average": source})
    save_checkpoint(output, {name: ms.Tensor(value.astype(np.float32)) for name, value in total.items()}, meta)


def _normalised(shares: Sequence[float] | None, count: int) -> np.ndarray:
    """Shares of sum 1, float64 [count]."""
    if count < 2:
        raise ConfigError(f"An average needs two checkpoints or more, got {count}. Name them one after another.")
    given = [1.0] * count if shares is None else list(shares)
    values = np.asarray(given, float)
    if len(values) != count or not np.isfinite(values).all() or values.min() <= 0:
        raise ConfigError(f"There are {count} checkpoints and the shares {given}: give one positive number for "
                          "each checkpoint, in their order.")  # fmt: skip
    return values / values.sum()


def _check_same_network(first: Checkpoint, other: Checkpoint) -> None:
    if _form(other) != _form(first):
        raise CheckpointError(f"{other.path} holds another network than {first.path}: other widths, norms or encoder. "
                              "Average checkpoints of one network's trainings.")  # fmt: skip


def _form(checkpoint: Checkpoint) -> tuple:
    shapes = {name: value.shape for name, value in checkpoint.weights.items()}
    return checkpoint.meta.network, checkpoint.meta.spec, shapes


def _distance(one: Checkpoint, other: Checkpoint) -> float:
    """Length of the difference of all weights with two or more dimensions, as a share of the first's length."""
    kernels = {name: value.asnumpy() for name, value in one.weights.items() if value.ndim > 1}
    difference = sum(float(np.square(other.weights[name].asnumpy() - value).sum()) for name, value in kernels.items())
    return (difference / sum(float(np.square(value).sum()) for value in kernels.values())) ** 0.5
