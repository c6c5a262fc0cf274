"""A series of generated portraits in the folder structure of P3M-10k."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from ....common.errors import ConfigError
from ....common.processes import run_jobs
from ....imaging import encode_jpeg, write_alpha, write_file
from ..claim import claim_output, release_output
from ..p3m import TRAIN, VALIDATION, alpha_path, image_path
from .scene import portrait

MANIFEST = "synthetic.json"
VERSION = 1  # raise it when the same seed gives other images
_FIRST_VALIDATION = 1_000_000  # so that more training images leave the validation images as they are
_LEAST_SIZE, _MOST_SIZE = 32, 4096


@dataclass(frozen=True)
class Series:
    """What decides every bit of a series: counts of images, pixels of the shorter side, seed."""

    train: int
    validation: int
    size: int
    seed: int

    def __post_init__(self) -> None:
        if not _LEAST_SIZE <= self.size <= _MOST_SIZE:
            raise ConfigError(f"--size is {self.size}; give {_LEAST_SIZE} to {_MOST_SIZE} pixels.")
        for name, value in (("train", self.train), ("validation", self.validation), ("seed", self.seed)):
            if value < 0:
                raise ConfigError(f"--{name} is {value}; give 0 or more.")
        if self.train >= _FIRST_VALIDATION or self.train + self.validation == 0:
            raise ConfigError(
                f"--train {self.train} and --validation {self.validation} make no data set; "
                f"give 1 to {_FIRST_VALIDATION - 1} images."
            )


@dataclass(frozen=True)
class PortraitJob:
    """One pair of files to be made."""

    series: Series
    index: int
    image: Path
    alpha: Path

    @property
    def finished(self) -> bool:
        """Whether both files are there; files appear whole, so they need not be opened."""
        return self.image.is_file() and self.alpha.is_file()


def write_series(series: Series, output: Path, workers: int) -> int:
    """Write the pairs that are not there yet, then the manifest; returns how many were written.

    The files depend on `series` alone, not on `workers`.

    Raises:
        OutputError: the folder holds something else; see `claim_output`.
    """
    claim_output(output, MANIFEST, {"version": VERSION, **asdict(series)})
    jobs = [job for job in _jobs(series, output) if not job.finished]
    written = sum(1 for _ in run_jobs(write_pair, jobs, workers, "portraits"))
    release_output(output, MANIFEST)
    return written


def write_pair(job: PortraitJob) -> None:
    """Draw one portrait and write its JPEG and its 8-bit alpha."""
    series = job.series
    rng = np.random.default_rng([series.seed, job.index, 2])
    height, width = _frame(rng, job)
    image, alpha = portrait(series.seed, job.index, height, width)
    write_file(job.image, encode_jpeg(image, quality=int(rng.integers(70, 98))))
    write_alpha(job.alpha, alpha)


def _jobs(series: Series, output: Path) -> list[PortraitJob]:
    jobs = []
    for part, letter, count, first in (
        (TRAIN, "t", series.train, 0),
        (VALIDATION, "v", series.validation, _FIRST_VALIDATION),
    ):
        for k in range(count):
            stem = f"{letter}{k:05d}"
            jobs.append(
                PortraitJob(series, first + k, image_path(output, part, f"{stem}.jpg"), alpha_path(output, part, stem))
            )
    return jobs


def _frame(rng: np.random.Generator, job: PortraitJob) -> tuple[int, int]:
    """(height, width): upright or lying, up to 1:1.5; validation images also differ in size."""
    ratio, upright, scale = rng.uniform(1, 1.5), rng.random() < 0.65, rng.uniform(0.75, 1.3)
    short = round(job.series.size * (scale if job.index >= _FIRST_VALIDATION else 1))
    long = round(short * ratio)
    return (long, short) if upright else (short, long)
