"""Matting of image files: reading, network and writing overlap; what cannot be used is reported and left out."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path, PurePath

import cv2
import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.log import logger
from ..common.progress import progress
from ..common.threads import helpers, ordered
from ..imaging import read_file, to_matte, unit_alpha, write_file
from ..imaging.clean import clean_matte
from ..imaging.encode import encode_image
from ..imaging.photo import Photo, decode_photo
from ..runtime.base import Predictor, prepare_file
from .backgrounds import Background, open_background
from .display import Display
from .naming import check_results, image_endings, output_stems, too_long
from .options import InferOptions
from .pipeline import Prepared, Unusable, run_network
from .render import preview, render
from .sources import Found, LeftOut
from .tally import Tally

STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True)
class ImageJob:
    """An image, and the files that it leaves by output name."""

    found: Found
    files: dict[str, Path]


@dataclass(frozen=True)
class ImagePlan:
    """Images to be matted; none is opened yet.

    Attributes:
        jobs: one for each image, in order.
        background: of the composites; None without them.
    """

    jobs: list[ImageJob]
    background: Background | None


@dataclass(frozen=True, kw_only=True)
class PreparedImage(Prepared):
    """An image that is ready for the network, all that its file holds, and the files that it leaves by output name."""

    photo: Photo
    files: dict[str, Path]


def plan_images(images: Sequence[Found], output: Path, options: InferOptions, tally: Tally,
                shard: set[Path] | None = None) -> ImagePlan:  # fmt: skip
    """Choose names, look for earlier results and open the background, before a model is loaded.

    Args:
        images: all that were found; names of results depend on all of them.
        output: folder for the results.
        options: of the run.
        tally: counts what has its results already, or can have none.
        shard: files that are to be matted; None for all.

    Raises:
        OutputError, ConfigError, DataError: as `check_results` and `open_background` say.
    """
    _check_options(options)
    endings = image_endings(options.outputs_for(video=False), options.encoding, options.marked)
    jobs = [
        ImageJob(found, {name: output / folder / f"{stem}{ending}" for name, ending in endings.items()})
        for folder, group in _by_folder(images)
        for found, stem in zip(group, output_stems([Path(f.name) for f in group], endings.values()), strict=True)
        if shard is None or found.path in shard
    ]
    for job in list(jobs):
        if reason := too_long(job.files.values()):
            jobs.remove(job)
            tally.leave_out(LeftOut(job.found.name, f"'{str(job.found.path)[:60]}...': {reason}"))
    paths = [found.path for found in images if found.data is None]
    expected = check_results([list(job.files.values()) for job in jobs], paths, options.existing)
    tally.there = expected.count(False)
    if tally.there:
        logger.info("%d of %d images have their results already and are left out", tally.there, len(jobs))
    return ImagePlan([job for job, todo in zip(jobs, expected, strict=True) if todo], _background(options))


def plan_one_image(found: Found, file: Path, options: InferOptions, tally: Tally) -> ImagePlan:
    """The plan for one image whose one result has a name, or goes to standard output (`-`).

    Raises:
        ConfigError: several outputs are asked for.
        OutputError, DataError: as `plan_images`.
    """
    _check_options(options)
    outputs = options.outputs or options.outputs_for(video=False)[-1:]
    if len(outputs) > 1:
        raise ConfigError(f"--output '{file}' is one file, and --outputs asks for {len(outputs)}. Give a folder.")
    job = ImageJob(found, {outputs[0]: file})
    if file == STANDARD_OUTPUT:
        return ImagePlan([job], _background(options))
    todo = check_results([[file]], [] if found.data is not None else [found.path], options.existing)
    tally.there = todo.count(False)
    return ImagePlan([job] if todo[0] else [], _background(options))


def matte_images(predictor: Predictor, plan: ImagePlan, options: InferOptions, tally: Tally) -> None:
    """Write what is asked for of every image; the tally counts them, and those that could not be used.

    Raises:
        OutputError: a result cannot be written.
    """
    display, threads = Display() if options.show else None, helpers()
    with (
        progress(len(plan.jobs), "image") as bar,
        ThreadPoolExecutor(threads) as readers,
        ThreadPoolExecutor(threads) as writers,
    ):
        read = partial(_read, predictor, plan.background, options)
        images = ordered(readers, read, plan.jobs, threads + options.batch_size)
        matted = run_network(predictor, images, options.batch_size)
        for written in ordered(writers, partial(_write, options), matted, threads):
            bar.step()
            if isinstance(written, Unusable):
                tally.leave_out(LeftOut(PurePath(str(written.name)), written.error))
                continue
            tally.images += 1
            if display and not display.show(written, 0 if len(plan.jobs) == 1 else 1):
                break


def _check_options(options: InferOptions) -> None:
    if options.ofd:
        raise ConfigError("--ofd fixes the flicker of videos, and --input is no video: leave it out.")


def _background(options: InferOptions) -> Background | None:
    return None if options.background is None else open_background(options.background, video=False)


def _by_folder(images: Sequence[Found]) -> list[tuple[PurePath, list[Found]]]:
    """Images by the folder that their results lie in, below that of all results."""
    return [(folder, list(group)) for folder, group in groupby(sorted_by_folder(images), lambda f: f.name.parent)]


def sorted_by_folder(images: Sequence[Found]) -> list[Found]:
    """The same, those of one folder beside each other, otherwise in order."""
    order: dict[PurePath, int] = {}
    for found in images:
        order.setdefault(found.name.parent, len(order))
    return sorted(images, key=lambda found: order[found.name.parent])


def _read(
    predictor: Predictor, background: Background | None, options: InferOptions, job: ImageJob
) -> PreparedImage | Unusable:
    path = "standard input" if job.found.data is not None else str(job.found.path)
    try:
        data = read_file(job.found.path) if job.found.data is None else job.found.data
        photo = decode_photo(data, path, max_pixels=options.max_pixels, keep_gps=options.keep_gps)
        x = prepare_file(predictor.prepare, photo.image, Path(path))
    except DataError as error:
        return Unusable(path, str(error))
    except (cv2.error, MemoryError) as error:  # a size beyond what OpenCV or the machine takes
        reason = f"'{path}' cannot be decoded or resized ({getattr(error, 'err', 'out of memory')}). Make it smaller."
        return Unusable(path, reason)
    if photo.frames > 1:
        logger.info("'%s' holds %d frames or pages; the first is matted", path, photo.frames)
    plate = background.plate(*photo.image.shape[:2]) if background else None
    return PreparedImage(path, photo.image, x, plate, photo=photo, files=job.files)


def _write(options: InferOptions, matted: tuple[PreparedImage, np.ndarray] | Unusable) -> np.ndarray | Unusable:
    """Render and write one image; returns what a window would show, uint8 RGB [H, W, 3] or grey [H, W]."""
    if isinstance(matted, Unusable):
        return matted
    item, output = matted
    made = render(item.image, _matte(item, output, options.clean), tuple(item.files), item.plate)
    try:
        contents = {name: encode_image(array, options.encoding, item.photo.metadata) for name, array in made.items()}
    except DataError as error:
        return Unusable(item.name, f"'{item.name}': {error}")
    for name, content in contents.items():
        if item.files[name] == STANDARD_OUTPUT:
            sys.stdout.buffer.write(content)
            sys.stdout.buffer.flush()
        else:
            write_file(item.files[name], content)
    return preview(made)


def _matte(item: PreparedImage, output: np.ndarray, clean: bool) -> np.ndarray:
    """The matte float32 [H, W] in [0, 1], nowhere above the photograph's own alpha."""
    if clean:
        output = clean_matte(np.ascontiguousarray(output[0, 0], np.float32))
    matte = to_matte(output, *item.image.shape[:2])
    return matte if item.photo.alpha is None else np.minimum(matte, unit_alpha(item.photo.alpha))
