"""People cut out of photographs: what groups are composed of while training."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...common.processes import run_jobs
from ...imaging import AlphaChannels, estimate_foreground, resize, to_uint8, write_png
from ..pairs import Pair
from .claim import claim_output, release_output

MANIFEST = "cutouts.json"
HEIGHT = 640
MARGIN = 2  # transparent pixels on every side where the person is whole
_EDGE = 0.02  # alpha at a border from which on the person is cut by it
_NEAR = 48  # pixels round the person of which the foreground's estimate is made


@dataclass(frozen=True)
class CutoutJob:
    """An image with its alpha, the file that its person becomes, and how many rows that may have."""

    pair: Pair
    target: Path
    height: int
    allow_rgb: AlphaChannels


def make_cutouts(
    pairs: list[Pair], output: Path, height: int, workers: int, allow_rgb: AlphaChannels = False
) -> tuple[int, int]:
    """Write an RGBA PNG for each pair whose person is whole, or cut by the lower border alone; -> (written, left out).

    What an earlier run wrote is kept.

    Raises:
        OutputError: `output` holds something else, or was made with another height.
        DataError: an image cannot be read.
    """
    claim_output(output, MANIFEST, {"height": height})
    jobs = [CutoutJob(pair, output / f"{pair.name}.png", height, allow_rgb) for pair in pairs]
    for _ in run_jobs(_build, [job for job in jobs if not job.target.is_file()], workers, "cut-outs"):
        pass
    release_output(output, MANIFEST)
    written = sum(job.target.is_file() for job in jobs)
    return written, len(jobs) - written


def _build(job: CutoutJob) -> None:
    image, alpha = job.pair.read(job.allow_rgb)
    pixels = person_of(image, alpha, job.height)
    if pixels is not None:
        write_png(job.target, pixels)


def person_of(image: np.ndarray, alpha: np.ndarray, height: int = HEIGHT) -> np.ndarray | None:
    """The person of an image, with the colours of the foreground alone.

    Args:
        image: uint8 RGB [H, W, 3].
        alpha: float32 [H, W] in [0, 1].
        height: most rows of the result; a larger person is shrunk.

    Returns:
        uint8 RGBA [h, w, 4], colours not multiplied by alpha, or None where nobody is there or the person is cut by
        the upper border or by a side. A person who is cut by the lower border ends in the last row; every other side
        has `MARGIN` transparent pixels, so that the two are told apart.
    """
    person = alpha > _EDGE
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    if alpha.max() < 0.5 or person[0].any() or person[:, 0].any() or person[:, -1].any():
        return None
    wide = _window(rows, columns, _NEAR, alpha.shape)
    image, alpha, person = (np.ascontiguousarray(array[wide]) for array in (image, alpha, person))
    rows, columns = np.flatnonzero(person.any(axis=1)), np.flatnonzero(person.any(axis=0))
    tight = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    foreground = np.ascontiguousarray(estimate_foreground(image, alpha)[tight])
    cut = rows[-1] == len(alpha) - 1
    tall, broad = foreground.shape[:2]
    scale = min(1.0, (height - (1 if cut else 2) * MARGIN) / tall)
    tall, broad = max(1, round(scale * tall)), max(1, round(scale * broad))
    matte = to_uint8(np.clip(resize(np.ascontiguousarray(alpha[tight]), tall, broad), 0, 1))
    pixels = np.dstack([resize(foreground, tall, broad), matte])
    return np.pad(pixels, ((MARGIN, 0 if cut else MARGIN), (MARGIN, MARGIN), (0, 0)))


def _window(rows: np.ndarray, columns: np.ndarray, margin: int, full: tuple[int, ...]) -> tuple[slice, slice]:
    """The hull of rows and columns, grown by a margin as far as the image goes."""
    bottom, right = min(full[0], rows[-1] + 1 + margin), min(full[1], columns[-1] + 1 + margin)
    return slice(max(0, rows[0] - margin), bottom), slice(max(0, columns[0] - margin), right)
