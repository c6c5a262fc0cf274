"""The random streams of a training run; each depends on its arguments alone, whichever process draws from it."""

import numpy as np

# First word of the streams' keys, so that order, samples and steps never share one.
_ORDER, _SAMPLE, _STEP = 1, 2, 3


def epoch_order(length: int, seed: int, epoch: int) -> np.ndarray:
    """Order of a set's samples in an epoch: a permutation of 0 ... length - 1, int64 [length]."""
    return _stream(seed, _ORDER, epoch).permutation(length)


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random stream of one sample in one epoch."""
    return _stream(seed, _SAMPLE, epoch, index)


def step_rng(seed: int, step: int) -> np.random.Generator:
    """The random stream that all samples of one training step share."""
    return _stream(seed, _STEP, step)


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))
