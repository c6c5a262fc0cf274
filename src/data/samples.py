"""Samples by number, and their order over a whole training run. Knows no framework."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np

from ..common.errors import ConfigError, DataError
from ..config.dataset import UNLABELLED, DatasetSpec
from ..imaging import composite
from .pairs import Pair, find_pairs, listed_files, read_names
from .records import Records
from .transforms import Compose, Sample, build_transforms
from .transforms.background import cover
from .transforms.basic import GenTrimap, LoadImages, Normalize, Transpose

__all__ = ["MattingSamples", "Pair", "TrainingSequence", "check_transforms", "epoch_order", "find_pairs", "sample_rng"]

# First word of the random streams, so that order, samples and steps never share one.
_ORDER, _SAMPLE, _STEP = 1, 2, 3


def epoch_order(length: int, seed: int, epoch: int) -> np.ndarray:
    """Permutation of 0 ... length - 1 for an epoch, int64 [length]; depends on the arguments alone."""
    return _stream(seed, _ORDER, epoch).permutation(length)


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random stream of one sample in one epoch: the same in whichever process it is drawn."""
    return _stream(seed, _SAMPLE, epoch, index)


def _stream(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


class MattingSamples:
    """A data set's samples by number, after its transforms; `fields` are what a training step takes of one.

    AMD (the Adobe matting data set) is read in two layouts, both with `fg_names`, a list of foreground files:

    - merged, `img_subpath` given: images named F_B.* (training) or x!y!F!*.* (test), where F is a line of
      `fg_names` counted from 0; the alpha is the file of that line in `alpha_subpath`.
    - composed, no `img_subpath`: sample i is the i-th foreground of `fg_names` (from `fg_subpath`, its alpha from
      `alpha_subpath`) on a random background of `bg_names` (from `bg_subpath`), scaled to cover it.
    """

    fields = ("image", "trimap", "alpha")

    def __init__(self, spec: DatasetSpec, training: bool, seed: int = 0) -> None:
        """Find the pairs and build the transforms; nothing is decoded yet.

        Args:
            spec: which data set, and which transforms.
            training: its transforms must then give what a training step needs.
            seed: of the random streams of `sample` where none is given.

        Raises:
            DataError: see `find_pairs` and `Records`.
            ConfigError: a transform that cannot be, or one that is missing; records of another source.
        """
        self.spec, self.seed = spec, seed
        self._transforms = check_transforms(spec, training)
        self._source = _RecordSource(spec) if spec.type == "MattingRecords" else _FileSource(spec)
        if spec.name == "AMD" and spec.img_subpath is None:
            folder = Path(spec.dataset_root) / spec.bg_subpath
            backgrounds = tuple(listed_files(folder, read_names(spec, "bg_names")).values())
            first, *rest = self._transforms.transforms
            self._transforms = Compose((first, _OnBackground(backgrounds), *rest))

    def __len__(self) -> int:
        return len(self._source)

    def sample(self, index: int, rng: np.random.Generator | None = None, batch_draw: float | None = None) -> Sample:
        """Load and transform one sample (a dict, see `src.data.transforms`).

        Args:
            rng: of every random choice; None takes the stream of (seed, epoch 0, index).
            batch_draw: number in [0, 1) shared by the samples of a training step.

        Raises:
            DataError: a file is damaged, or image and alpha differ in size.
        """
        sample = self._source.entry(index)
        if batch_draw is not None:
            sample["batch_draw"] = batch_draw
        return self._transforms(sample, rng or sample_rng(self.seed, 0, index))


class _FileSource:
    """Pairs of image files."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._pairs, self._allow_rgb = find_pairs(spec), spec.alpha_allow_rgb

    def __len__(self) -> int:
        return len(self._pairs)

    def entry(self, index: int) -> Sample:
        """What `LoadImages` needs of a sample."""
        pair = self._pairs[index]
        paths = {"image_path": str(pair.image), "alpha_path": str(pair.alpha)}
        return {"name": pair.name, **paths, "alpha_allow_rgb": self._allow_rgb}


class _RecordSource:
    """The same pairs, in the same order, from records."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._records = Records(spec.dataset_root)
        self._records.check_source(spec)
        self._length = min(len(self._records), spec.limit or len(self._records))

    def __len__(self) -> int:
        return self._length

    def entry(self, index: int) -> Sample:
        name, (image, alpha) = self._records.names[index], self._records.read(index)
        place = f"{self._records.place(index)}: {name}"
        return {"name": name, "image_path": place, "image_bytes": image, "alpha_path": place, "alpha_bytes": alpha}


@dataclass(frozen=True)
class _OnBackground:
    """Take the image as foreground and compose it on a random background."""

    backgrounds: tuple[Path, ...]

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        foreground = sample["image"]
        path = self.backgrounds[rng.integers(len(self.backgrounds))]
        background = cover(path, *foreground.shape[:2], rng)
        image = composite(foreground, sample["alpha"], background)
        return {**sample, "foreground": foreground, "image": image}


def check_transforms(spec: DatasetSpec, training: bool) -> Compose:
    """Build the transforms; ConfigError where one is unknown, the first does not load or training lacks one."""
    transforms = build_transforms(spec.transforms)
    kinds = [type(transform) for transform in transforms.transforms]
    if kinds[:1] != [LoadImages]:
        raise ConfigError("`transforms` must begin with `- type: LoadImages`, which decodes the files.")
    if spec.name == UNLABELLED:
        _refuse_alpha_readers(transforms)
    needed = (Normalize, Transpose) if spec.name == UNLABELLED else (GenTrimap, Normalize, Transpose)
    missing = [kind.__name__ for kind in needed if kind not in kinds]
    if training and missing:
        raise ConfigError(
            f"`transforms` of the training set lack {', '.join(missing)}: a training step needs image, trimap and "
            f"alpha, an unlabelled one the image. End the list with {', '.join(kind.__name__ for kind in needed)}."
        )
    return transforms


def _refuse_alpha_readers(transforms: Compose) -> None:
    for transform in transforms.transforms:
        if getattr(transform, "reads_alpha", False):
            raise ConfigError(
                f"Transform `{type(transform).__name__}` reads the alpha, which unlabelled images do not have. Leave "
                "it out (of RandomScaleCrop, its `person`)."
            )


class Samples(Protocol):
    """What `MattingSamples` is to a training run."""

    spec: DatasetSpec
    fields: tuple[str, ...]

    def __len__(self) -> int: ...

    def sample(self, index: int, rng: np.random.Generator | None, batch_draw: float | None) -> Sample: ...


class TrainingSequence(Sequence):
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
        batch_draw = _stream(self._seed, _STEP, step).random()
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
