"""Samples by number, from files or from records. Knows no framework."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from ..common.errors import ConfigError
from ..config.dataset import UNLABELLED, DatasetSpec
from ..imaging import composite
from .pairs import find_pairs, folder_of, listed_files, read_names
from .records import Records
from .streams import sample_rng
from .transforms import Compose, Sample, Transform, build_transforms
from .transforms.background import cover
from .transforms.basic import GenTrimap, LoadImages, Normalize, Transpose


class Samples(Protocol):
    """What `MattingSamples` is to a training run."""

    spec: DatasetSpec
    fields: tuple[str, ...]

    def __len__(self) -> int:
        """How many samples there are."""
        ...

    def sample(self, index: int, rng: np.random.Generator | None, batch_draw: float | None) -> Sample:
        """Load and transform one sample."""
        ...


class MattingSamples:
    """A data set's samples by number, after its transforms; `fields` are what a training step takes of one.

    AMD (the Adobe matting data set) is read in two ways, both with `fg_names`, a list of foreground files:

    - merged, `img_subpath` given: images named F_B.* (training) or x!y!F!*.* (test), where F is a line of
      `fg_names` counted from 0; the alpha is the file of that line in `alpha_subpath`.
    - composed, no `img_subpath`: sample i is the i-th foreground of `fg_names` (from `fg_subpath`, its alpha from
      `alpha_subpath`) on a random background of `bg_names` (from `bg_subpath`), scaled to cover it.
    """

    fields: tuple[str, ...] = ("image", "trimap", "alpha")

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
        self._source: _Source = _RecordSource(spec) if spec.type == "MattingRecords" else _FileSource(spec)
        if spec.name == "AMD" and spec.img_subpath is None:
            backgrounds = tuple(listed_files(folder_of(spec, "bg_subpath"), read_names(spec, "bg_names")).values())
            first, *rest = self._transforms.transforms
            self._transforms = Compose((first, _OnBackground(backgrounds), *rest))

    def __len__(self) -> int:
        return len(self._source)

    def sample(self, index: int, rng: np.random.Generator | None = None, batch_draw: float | None = None) -> Sample:
        """Load and transform one sample (a dict, see `src.data.transforms`).

        Args:
            index: number of the sample, from 0.
            rng: of every random choice; None takes the stream of (seed, epoch 0, index).
            batch_draw: number in [0, 1) shared by the samples of a training step.

        Raises:
            DataError: a file is damaged, or image and alpha differ in size.
        """
        sample = self._source.entry(index)
        if batch_draw is not None:
            sample["batch_draw"] = batch_draw
        return self._transforms(sample, rng or sample_rng(self.seed, 0, index))


class _Source(Protocol):
    """Where the samples of a set come from."""

    def __len__(self) -> int: ...

    def entry(self, index: int) -> Sample:
        """What `LoadImages` needs of a sample."""
        ...


class _FileSource:
    """Pairs of image files."""

    def __init__(self, spec: DatasetSpec) -> None:
        self._pairs, self._allow_rgb = find_pairs(spec), spec.alpha_channels

    def __len__(self) -> int:
        return len(self._pairs)

    def entry(self, index: int) -> Sample:
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
class _OnBackground(Transform):
    """Take the image as foreground and compose it on a random background."""

    backgrounds: tuple[Path, ...]
    reads_alpha: ClassVar[bool] = True

    def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
        foreground = sample["image"]
        path = self.backgrounds[rng.integers(len(self.backgrounds))]
        height, width = foreground.shape[:2]
        background = cover(path, height, width, rng)
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
        if transform.reads_alpha:
            raise ConfigError(
                f"Transform `{type(transform).__name__}` reads the alpha, which unlabelled images do not have. Leave "
                "it out (of RandomScaleCrop, its `person`)."
            )
