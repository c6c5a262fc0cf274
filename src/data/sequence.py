"""The order of samples over a whole training run, from any step on and for any number of devices."""

from functools import lru_cache

import numpy as np

from ..common.errors import ConfigError, DataError
from .samples import Samples
from .streams import epoch_order, sample_rng, step_rng


class TrainingSequence:
    """All samples that one device still has to see in a run, by position.

    Item k belongs to step start_step + k // batch_size. Each epoch is one permutation of the set, cut into steps of
    batch_size * world samples of which each device gets batch_size; what is left over at its end is dropped. Which
    sample item k is and every random choice in it depend on (seed, epoch, sample number) alone: on no worker, no
    order of calls, and not on where the run was resumed. A step's samples, taken over all devices, are those of
    one device with batch_size * world.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        seed: int,
        epochs: int,
        rank: int = 0,
        world: int = 1,
        start_step: int = 0,
    ) -> None:
        """`epochs` counts from the beginning of the run, `start_step` is the number of steps already done.

        Raises:
            DataError: the set holds fewer samples than one step of all devices needs.
        """
        step_size, most = batch_size * world, len(samples) // world
        if len(samples) < step_size:
            raise DataError(
                f"The training set in '{samples.spec.dataset_root}' has {len(samples)} images, but one step needs "
                f"{step_size} (batch_size {batch_size}, devices {world}). Use "
                f"{f'a batch_size of at most {most}' if most else 'fewer devices'}, or more images."
            )
        self.steps_per_epoch, self.fields = len(samples) // step_size, samples.fields
        self._samples, self._batch_size, self._seed = samples, batch_size, seed
        self._rank, self._world, self._start_step = rank, world, start_step
        self._length = max(0, epochs * self.steps_per_epoch - start_step) * batch_size

    def __len__(self) -> int:
        return self._length

    def index(self, k: int) -> tuple[int, int, int]:
        """(step, epoch, sample number) of item k."""
        step = self._start_step + k // self._batch_size
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        position = (step_in_epoch * self._world + self._rank) * self._batch_size + k % self._batch_size
        return step, epoch, int(_cached_order(len(self._samples), self._seed, epoch)[position])

    def __getitem__(self, k: int) -> tuple[np.ndarray, ...]:
        """The samples' `fields`: image [3, H, W], trimap [1, H, W] and alpha [1, H, W], float32."""
        if not 0 <= k < self._length:
            raise IndexError(f"item {k} of {self._length}")
        step, epoch, number = self.index(int(k))
        batch_draw = step_rng(self._seed, step).random()
        sample = self._samples.sample(number, sample_rng(self._seed, epoch, number), batch_draw)
        arrays = tuple(sample[name] for name in self.fields)
        if len({array.shape[1:] for array in arrays}) > 1:
            sizes = ", ".join(f"{name} {array.shape[1:]}" for name, array in zip(self.fields, arrays, strict=True))
            raise ConfigError(
                f"The training transforms give fields of several sizes for '{sample['name']}': {sizes}. Leave "
                "`gt_field: []` to validation."
            )
        return arrays


# A worker walks through one epoch after another, so that two orders at hand are enough.
_cached_order = lru_cache(maxsize=2)(epoch_order)
