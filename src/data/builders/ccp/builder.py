"""Clothing Co-Parsing (Yang, Luo, Lin, CVPR 2014) in the folder structure of P3M-10k, one photograph at a time."""

import csv
import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ....common.errors import ConfigError, DataError
from ....common.processes import run_jobs
from ....imaging import read_image, write_alpha, write_file
from ..claim import claim_output, release_output
from ..p3m import TRAIN, VALIDATION, alpha_path, image_path
from .mattes import matte_photograph

HOME = "https://github.com/bearpaw/clothing-co-parsing"
UNLABELLED = Path("unlabelled")
MANIFEST, SKIPPED, LICENCE = "ccp.json", "skipped.csv", "LICENCE.txt"
RECIPE = 1  # raise it when mattes of an older recipe must not be mixed with new ones

_LICENCE_TEXT = f"""The photographs are from Clothing Co-Parsing (Wei Yang, Ping Luo, Liang Lin: Clothing Co-Parsing by
Joint Image Segmentation and Labeling, CVPR 2014), {HOME}, Apache License 2.0.
The mattes were derived from that data set's pixel-level annotations by data/prepare_ccp.py
and are under the same licence.
"""


@dataclass(frozen=True)
class PhotographJob:
    """One annotated photograph and the two files that come of it; `matte` is written last."""

    photograph: Path
    annotation: Path
    image: Path
    matte: Path

    @property
    def finished(self) -> bool:
        """Whether both files are there; files appear whole, so they need not be opened."""
        return self.image.is_file() and self.matte.is_file()


@dataclass(frozen=True)
class Outcome:
    """What became of a job: `reason` is empty for a finished one, `damaged` marks an unreadable file."""

    reason: str = ""
    damaged: bool = False


@dataclass(frozen=True)
class Summary:
    """Counts of photographs in OUTPUT after a run; `damaged` of the `skipped` ones could not be read."""

    train: int
    validation: int
    unlabelled: int
    skipped: int
    damaged: int


def is_validation(stem: str, share: float) -> bool:
    """Whether a photograph is held out: a hash of its name, so that it never depends on its neighbours."""
    return int.from_bytes(hashlib.sha256(stem.encode()).digest()[:8], "big") / 2**64 < share


def prepare(source: Path, output: Path, workers: int, limit: int | None, validation_share: float) -> Summary:
    """Build the data set; what an earlier run finished is kept and not made again.

    Raises:
        DataError: the source is not Clothing Co-Parsing or has no usable photograph.
        OutputError: the output folder holds something else.
        ConfigError: a limit below 1, or a share outside [0, 1).
    """
    if not 0 <= validation_share < 1:
        raise ConfigError(f"--validation_share is {validation_share}; give a number from 0 up to, not including, 1.")
    if limit is not None and limit < 1:
        raise ConfigError(f"--limit is {limit}; give 1 or more, or leave it out for all photographs.")
    annotated, unlabelled = find_photographs(source)
    claim_output(output, MANIFEST, {"recipe": RECIPE, "validation_share": validation_share})
    write_file(output / LICENCE, _LICENCE_TEXT.encode())
    jobs = [_job(path, source, output, validation_share) for path in annotated[:limit]]
    reasons, damaged = _read_skipped(output / SKIPPED), 0
    try:
        for job, outcome in run_jobs(build, [j for j in jobs if not j.finished], workers, "mattes"):
            reasons.pop(job.photograph.stem, None)
            if outcome.reason:
                reasons[job.photograph.stem] = outcome.reason
            damaged += outcome.damaged
    finally:
        _write_skipped(output / SKIPPED, reasons)
    if not any(job.finished for job in jobs):
        raise DataError(
            f"None of the {len(jobs)} photographs in {source} gave a matte; the reasons are in {output / SKIPPED}. "
            f"Get the data set again from {HOME}."
        )
    for path in unlabelled[:limit]:
        _copy(path, output / UNLABELLED / path.name)
    if limit is None:
        release_output(output, MANIFEST)
    return _summary(output, len(reasons), damaged)


def find_photographs(source: Path) -> tuple[list[Path], list[Path]]:
    """Photographs with and without a pixel-level annotation, sorted by name.

    Raises:
        DataError: a folder is missing, or no photograph has an annotation.
    """
    photos, annotations = source / "photos", source / "annotations" / "pixel-level"
    for folder in (source, photos, annotations):
        if not folder.is_dir():
            raise DataError(
                f"{folder} is not a folder. --source must hold photos/NNNN.jpg and annotations/pixel-level/NNNN.mat "
                f"of Clothing Co-Parsing; get it with: git clone {HOME}"
            )
    files = sorted(p for p in photos.iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
    annotated = [p for p in files if (annotations / f"{p.stem}.mat").is_file()]
    if not annotated:
        raise DataError(
            f"{source} has {len(files)} photographs (photos/*.jpg) and not one annotation of the same name in "
            f"annotations/pixel-level/*.mat; get the data set with: git clone {HOME}"
        )
    return annotated, sorted(set(files) - set(annotated))


def build(job: PhotographJob) -> Outcome:
    """Make one matte; a photograph that cannot be used is an Outcome with the reason, not an error."""
    try:
        photograph, labels = read_image(job.photograph), _read_labels(job.annotation)
    except DataError as error:
        return Outcome(str(error), damaged=True)
    try:
        alpha = matte_photograph(photograph, labels)
    except DataError as error:
        return Outcome(str(error))
    _copy(job.photograph, job.image)
    write_alpha(job.matte, alpha)
    return Outcome()


def _job(photograph: Path, source: Path, output: Path, validation_share: float) -> PhotographJob:
    part = VALIDATION if is_validation(photograph.stem, validation_share) else TRAIN
    return PhotographJob(
        photograph,
        source / "annotations" / "pixel-level" / f"{photograph.stem}.mat",
        image_path(output, part, photograph.name),
        alpha_path(output, part, photograph.stem),
    )


def _read_labels(path: Path) -> np.ndarray:
    """Label map of an annotation file: int or uint [H, W], 0 is background."""
    from scipy.io import loadmat  # needed for nothing else

    try:
        labels = loadmat(path)["groundtruth"]
    except KeyError as error:
        raise DataError(f"{path} has no variable 'groundtruth'; get it again from {HOME}") from error
    except Exception as error:  # scipy raises a dozen types, zlib.error and MemoryError among them
        raise DataError(f"{path} is no readable MATLAB file ({error}); get it again from {HOME}") from error
    if labels.ndim != 2:
        raise DataError(f"{path}: 'groundtruth' has shape {labels.shape}, a label map H x W is expected")
    return labels


def _copy(source: Path, target: Path) -> None:
    if not target.is_file():
        write_file(target, source.read_bytes())


def _read_skipped(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["photograph"]: row["reason"] for row in csv.DictReader(file)}


def _write_skipped(path: Path, reasons: dict[str, str]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("photograph", "reason"))
    writer.writerows(sorted(reasons.items()))
    write_file(path, text.getvalue().encode())


def _summary(output: Path, skipped: int, damaged: int) -> Summary:
    train, validation, unlabelled = (
        sum(1 for _ in (output / part).glob(pattern))
        for part, pattern in ((TRAIN, "mask/*.png"), (VALIDATION, "mask/*.png"), (UNLABELLED, "*.jp*g"))
    )
    return Summary(train, validation, unlabelled, skipped, damaged)
