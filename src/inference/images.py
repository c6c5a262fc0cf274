"""Matting of image files: reading, network and writing overlap; what cannot be used is reported and left out."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ..common.errors import ConfigError, DataError
from ..common.log import logger
from ..common.progress import progress
from ..common.threads import helpers, ordered
from ..imaging import read_image, to_matte, write_png
from ..runtime.base import Predictor, prepare_file
from .backgrounds import Background, open_background
from .display import Display
from .naming import IMAGE_ENDINGS, check_results, output_stems
from .options import InferOptions
from .pipeline import Prepared, Unusable, run_network
from .render import preview, render


@dataclass(frozen=True)
class ImageJob:
    """An image file, and the files that it leaves by output name."""

    path: Path
    files: dict[str, Path]


@dataclass(frozen=True)
class ImagePlan:
    """Images to be matted; none is opened yet.

    Attributes:
        folder: where the results will be.
        jobs: one for each image, in order.
        outputs: names of what each image leaves.
        background: of the composites; None without them.
    """

    folder: Path
    jobs: list[ImageJob]
    outputs: tuple[str, ...]
    background: Background | None


@dataclass(frozen=True, kw_only=True)
class PreparedImage(Prepared):
    """An image that is ready for the network, and the files that it leaves by output name."""

    files: dict[str, Path]


def plan_images(paths: Sequence[Path], output: Path, options: InferOptions) -> ImagePlan:
    """Choose names, look for earlier results and open the background, before a model is loaded.

    Raises:
        OutputError, ConfigError, DataError: as `check_results` and `open_background` say.
    """
    if options.ofd:
        raise ConfigError("--ofd fixes the flicker of videos, and --input is no video: leave it out.")
    outputs = options.outputs_for(video=False)
    endings = {name: IMAGE_ENDINGS[name] for name in outputs}
    stems = output_stems(paths, endings.values())
    files = [{name: output / f"{stem}{ending}" for name, ending in endings.items()} for stem in stems]
    expected = check_results([list(f.values()) for f in files], paths, options.existing)
    jobs = [ImageJob(path, f) for path, f, todo in zip(paths, files, expected, strict=True) if todo]
    if len(jobs) < len(paths):
        logger.info("%d of %d images have their results already and are left out", len(paths) - len(jobs), len(paths))
    background = None if options.background is None else open_background(options.background, video=False)
    return ImagePlan(output, jobs, outputs, background)


def matte_images(predictor: Predictor, plan: ImagePlan, options: InferOptions) -> int:
    """Write what is asked for of every image; returns the exit status: 1 where some could not be used.

    Raises:
        OutputError: a result cannot be written.
    """
    display, failed, threads = Display() if options.show else None, 0, helpers()
    with (
        progress(len(plan.jobs), "image") as bar,
        ThreadPoolExecutor(threads) as readers,
        ThreadPoolExecutor(threads) as writers,
    ):
        images = ordered(readers, partial(_read, predictor, plan.background), plan.jobs, threads + options.batch_size)
        matted = run_network(predictor, images, options.batch_size)
        for written in ordered(writers, partial(_write, plan.outputs), matted, threads):
            bar.step()
            if isinstance(written, Unusable):
                failed += 1
                logger.warning("left out: %s", written.error)
            elif display and not display.show(written, 0 if len(plan.jobs) == 1 else 1):
                break
    logger.info("%d images in %.1f s, results in %s", bar.done - failed, bar.seconds, plan.folder)
    if failed:
        logger.warning("%d of %d images could not be used", failed, len(plan.jobs))
    return 1 if failed else 0


def _read(predictor: Predictor, background: Background | None, job: ImageJob) -> PreparedImage | Unusable:
    path = job.path
    try:
        image = read_image(path)
        x = prepare_file(predictor.prepare, image, path)
    except DataError as error:
        return Unusable(str(path), str(error))
    except cv2.error as error:  # a size beyond what OpenCV takes
        reason = f"'{path}' cannot be decoded or resized ({error.err}). Make it smaller, or convert it."
        return Unusable(str(path), reason)
    plate = background.plate(*image.shape[:2]) if background else None
    return PreparedImage(str(path), image, x, plate, files=job.files)


def _write(outputs: tuple[str, ...], matted: tuple[PreparedImage, np.ndarray] | Unusable) -> np.ndarray | Unusable:
    """Render and write one image; returns what a window would show, uint8 RGB [H, W, 3] or grey [H, W]."""
    if isinstance(matted, Unusable):
        return matted
    item, output = matted
    matte = to_matte(output, *item.image.shape[:2])
    made = render(item.image, matte, outputs, item.plate)
    for name, array in made.items():
        write_png(item.files[name], array)
    return preview(made)
