"""Everything a single image and its alpha tell about themselves; runs in worker processes."""

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from ...common.errors import DataError
from ...imaging import image_size, read_alpha, read_header, read_image_for

THUMBNAIL_SIDE = 16
_BINARY_BELOW = 1e-3
_FULL_ABOVE = 0.99
_BRIGHT = 0.98


@dataclass(frozen=True)
class InspectionJob:
    """What to look at; `alpha` is None for an AMD background or an unlabelled image."""

    name: str
    image: Path
    alpha: Path | None
    alpha_allow_rgb: bool


@dataclass
class Facts:
    """What was seen.

    Attributes:
        faults: kind (a key of `src.data.doctor.report.KINDS`) -> what was wrong.
        size: (height, width), upright; None where the image cannot be read.
        thumbnail: uint8 [16, 16, 3].
        share, soft: mean of alpha, and share of pixels strictly between 0.02 and 0.98.
    """

    name: str
    faults: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    thumbnail: np.ndarray | None = None
    share: float | None = None
    soft: float | None = None


def inspect(job: InspectionJob) -> Facts:
    """Decode an image and its alpha and note all that is wrong with them; raises nothing for a bad file."""
    facts = Facts(job.name)
    with _decoder_complaints() as complaints:
        _look_at_image(job.image, facts)
        if job.alpha is not None:
            _look_at_alpha(job, facts)
    if complaints:
        facts.faults.setdefault("damaged", complaints[0])
    return facts


def _look_at_image(path: Path, facts: Facts) -> None:
    try:
        image, facts.size = read_image_for(path, 8 * THUMBNAIL_SIDE)
        header = read_header(path)
    except DataError as error:
        facts.faults["unreadable image"] = str(error)
        return
    side = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    facts.thumbnail = cv2.resize(image, side, interpolation=cv2.INTER_AREA)
    if header is not None and header.orientation != 1:
        facts.faults["EXIF rotation"] = f"orientation {header.orientation}"


def _look_at_alpha(job: InspectionJob, facts: Facts) -> None:
    alpha = _read_alpha(job, facts)
    if alpha is None:
        with contextlib.suppress(DataError):
            _compare_sizes(image_size(job.alpha), facts)
        return
    _compare_sizes(alpha.shape, facts)
    facts.share = float(alpha.mean())
    facts.soft = float(np.mean((alpha > 1 - _BRIGHT) & (alpha < _BRIGHT)))
    top = float(alpha.max())
    if top == 0:
        facts.faults["no person"] = "alpha is 0 everywhere"
    elif top <= 2 / 255:
        facts.faults["dark alpha"] = f"largest value {top:.4f}"
    elif top < _BRIGHT:
        facts.faults["never opaque"] = f"largest value {top:.2f}"
    elif facts.share > _FULL_ABOVE:
        facts.faults["no background"] = f"mean alpha {facts.share:.3f}"
    elif facts.soft < _BINARY_BELOW:
        facts.faults["binary alpha"] = f"{100 * facts.soft:.3f} % soft pixels"


def _read_alpha(job: InspectionJob, facts: Facts) -> np.ndarray | None:
    try:
        return read_alpha(job.alpha, job.alpha_allow_rgb)
    except DataError as error:
        fault = str(error)
    try:
        alpha = read_alpha(job.alpha, allow_rgb=True)
    except DataError:
        facts.faults["unusable alpha"] = fault
        return None
    facts.faults["three channels"] = "alpha_allow_rgb is not set"
    return alpha


def _compare_sizes(alpha_size: tuple[int, int], facts: Facts) -> None:
    if facts.size is not None and alpha_size != facts.size:
        image, alpha = (f"{width}x{height}" for height, width in (facts.size, alpha_size))
        turned = ", sides swapped" if alpha_size == facts.size[::-1] else ""
        facts.faults["size mismatch"] = f"image {image}, alpha {alpha}{turned}"


@contextlib.contextmanager
def _decoder_complaints() -> Iterator[list[str]]:
    """Lines that libjpeg and libpng write to the process's stderr; the only sign of damage in a file's middle."""
    lines: list[str] = []
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                yield lines
            finally:
                os.dup2(kept, 2)
                file.seek(0)
                lines.extend(file.read().decode(errors="replace").splitlines())
    finally:
        os.close(kept)
