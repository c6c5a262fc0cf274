"""Photographs without their people: the backgrounds that a person is put on while training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...common.processes import run_jobs
from ...imaging import AlphaChannels, encode_jpeg, write_file
from ..pairs import Pair
from .claim import claim_output, release_output

MANIFEST = "backgrounds.json"
JPEG_QUALITY = 92
MARGIN = 0.02  # of the width, round the person: soft edges and shadows
LEAST_SIDE = 0.12  # of the width: less background beside the person says too little


@dataclass(frozen=True)
class BackgroundJob:
    """An image with its alpha, and the file that its background becomes."""

    pair: Pair
    target: Path
    allow_rgb: AlphaChannels


def make_backgrounds(
    pairs: list[Pair], output: Path, workers: int, allow_rgb: AlphaChannels = False
) -> tuple[int, int]:
    """Write a JPEG without its person for each pair that shows enough background; -> (written, left out).

    What an earlier run wrote is kept.

    Raises:
        OutputError: `output` holds something else.
        DataError: an image cannot be read.
    """
    claim_output(output, MANIFEST, {"margin": MARGIN, "least_side": LEAST_SIDE})
    jobs = [BackgroundJob(pair, output / f"{pair.name}.jpg", allow_rgb) for pair in pairs]
    for _ in run_jobs(_build, [job for job in jobs if not job.target.is_file()], workers, "backgrounds"):
        pass
    release_output(output, MANIFEST)
    written = sum(job.target.is_file() for job in jobs)
    return written, len(jobs) - written


def _build(job: BackgroundJob) -> None:
    image, alpha = job.pair.read(job.allow_rgb)
    background = without_person(image, alpha)
    if background is not None:
        write_file(job.target, encode_jpeg(background, JPEG_QUALITY))


def without_person(image: np.ndarray, alpha: np.ndarray) -> np.ndarray | None:
    """Fill the columns that the person stands in with the mirrored background from both sides.

    Args:
        image: uint8 RGB [H, W, 3].
        alpha: float32 [H, W] in [0, 1].

    Returns:
        uint8 RGB [H, W, 3], or None where fewer than LEAST_SIDE of the columns are left on either side. Texture
        stays as sharp as the photograph's, which filling by diffusion would not keep.
    """
    width = image.shape[1]
    columns = np.flatnonzero((alpha > 0.02).any(axis=0))
    if not len(columns):
        return image
    left = max(0, int(columns[0]) - round(MARGIN * width))
    right = min(width, int(columns[-1]) + 1 + round(MARGIN * width))
    if min(left, width - right) < LEAST_SIDE * width:
        return None
    hole = np.arange(left, right)
    from_left, from_right = _bounce(2 * left - 1 - hole, left), right + _bounce(hole - right, width - right)
    share = ((hole - left + 0.5) / (right - left)).astype(np.float32)[None, :, None]
    filled = image.copy()
    mixed = (1 - share) * image[:, from_left] + share * image[:, from_right]
    filled[:, left:right] = np.rint(mixed).astype(np.uint8)
    return filled


def _bounce(index: np.ndarray, length: int) -> np.ndarray:
    """Indices, int64 [N], reflected into [0, length) at both ends: ... 1 0 0 1 2 ... length-1 length-1 ..."""
    folded = np.mod(index, 2 * length)
    return np.where(folded < length, folded, 2 * length - 1 - folded)
