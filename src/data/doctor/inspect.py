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
from ...imaging import AlphaChannels, image_size, read_alpha, read_header, read_image_for

THUMBNAIL_SIDE = 16
_BINARY_BELOW = 1e-3
_FULL_ABOVE = 0.99
_BRIGHT = 0.98
_TRIMAP_SHARE, _ONE_VALUE = 0.005, 4 / 255


@dataclass(frozen=True)
class InspectionJob:
    """What to look at; `alpha` is None for an AMD background or an unlabelled image."""

    name: str
    image: Path
    alpha: Path | None
    alpha_allow_rgb: AlphaChannels


@dataclass
class ImageFacts:
    """What was seen of an image and its alpha.

    Attributes:
        name: file stem of the image.
        faults: kind (a key of `src.data.doctor.faults.FAULT_KINDS`) -> what was wrong.
        size: (height, width), upright; None where the image cannot be read.
        thumbnail: uint8 RGB [16, 16, 3]; None where the image cannot be read.
        share: mean of alpha; None where there is none or it cannot be read.
        soft: share of the pixels whose alpha is strictly between 0.02 and 0.98; None as `share`.
    """

    name: str
    faults: dict[str, str] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    thumbnail: np.ndarray | None = None
    share: float | None = None
    soft: float | None = None


def inspect(job: InspectionJob) -> ImageFacts:
    """Decode an image and its alpha and note all that is wrong with them; raises nothing for a bad file."""
    facts = ImageFacts(job.name)
    with _decoder_complaints() as complaints:
        _look_at_image(job.image, facts)
        if job.alpha is not None:
            _look_at_alpha(job.alpha, job.alpha_allow_rgb, facts)
    if complaints:
        facts.faults.setdefault("damaged", complaints[0])
    return facts


def _look_at_image(path: Path, facts: ImageFacts) -> None:
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


def _look_at_alpha(path: Path, allow_rgb: AlphaChannels, facts: ImageFacts) -> None:
    alpha = _read_alpha(path, allow_rgb, facts)
    if alpha is None:
        with contextlib.suppress(DataError):
            _compare_sizes(image_size(path), facts)
        return
    height, width = alpha.shape
    _compare_sizes((height, width), facts)
    _judge_alpha(alpha, facts)


def _judge_alpha(alpha: np.ndarray, facts: ImageFacts) -> None:
    """Note an alpha's statistics, and the first fault of its values; float32 [H, W] in [0, 1]."""
    facts.share = float(alpha.mean())
    facts.soft = float(np.mean((alpha > 1 - _BRIGHT) & (alpha < _BRIGHT)))
    top = float(alpha.max())
    if top == 0:
        facts.faults["no person"] = "alpha is 0 everywhere"
    elif top <= 2 / 255:
        facts.faults["dark alpha"] = f"largest value {top:.4f}"
    elif top < _BRIGHT:
        facts.faults["never opaque"] = f"largest value {top:.2f}"
    elif _is_trimap(alpha):
        facts.faults["trimap"] = "0, 1 and one value between"
    elif _is_inverted(alpha):
        facts.faults["inverted alpha"] = "opaque at the border, transparent in the middle"
    elif facts.share > _FULL_ABOVE:
        facts.faults["no background"] = f"mean alpha {facts.share:.3f}"
    elif facts.soft < _BINARY_BELOW:
        facts.faults["binary alpha"] = f"{100 * facts.soft:.3f} % soft pixels"


def _is_trimap(alpha: np.ndarray) -> bool:
    """Whether all soft pixels of an alpha, float32 [H, W], have one value, and are more than an outline."""
    soft = alpha[(alpha > 1 - _BRIGHT) & (alpha < _BRIGHT)]
    return soft.size > _TRIMAP_SHARE * alpha.size and float(np.ptp(soft)) <= _ONE_VALUE


def _is_inverted(alpha: np.ndarray) -> bool:
    """Whether the upper border of an alpha, float32 [H, W], is opaque and its middle is not: a person's never is."""
    height, width = alpha.shape
    sides = alpha[: height // 2, 0], alpha[: height // 2, -1]
    border = np.concatenate([alpha[0], *sides]).mean()
    middle = alpha[height // 3 : height - height // 3, width // 3 : width - width // 3].mean()
    return bool(border > 0.9 and middle < 0.5)


def _read_alpha(path: Path, allow_rgb: AlphaChannels, facts: ImageFacts) -> np.ndarray | None:
    """The alpha, float32 [H, W] in [0, 1], also where it has channels that training would refuse; None for no alpha."""
    try:
        return read_alpha(path, allow_rgb)
    except DataError as error:
        fault = str(error)
    equal, fourth = _alpha_or_none(path, True), _alpha_or_none(path, "fourth")
    if fourth is not None and np.ptp(fourth) > 0 and (equal is None or np.ptp(equal) == 0):
        facts.faults["transparency"] = "alpha_channel is not set"
        return fourth
    if equal is not None:
        facts.faults["three channels"] = "alpha_allow_rgb is not set"
        return equal
    header = read_header(path)
    indexed = header is not None and header.indexed
    facts.faults["palette" if indexed else "unusable alpha"] = "indexed colours" if indexed else fault
    return None


def _alpha_or_none(path: Path, channels: AlphaChannels) -> np.ndarray | None:
    try:
        return read_alpha(path, channels)
    except DataError:
        return None


def _compare_sizes(alpha_size: tuple[int, int], facts: ImageFacts) -> None:
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
