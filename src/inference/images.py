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
from .pipeline import Matted, PipelineItem, run_network
from .render import preview, render


@dataclass(frozen=True)
class ImageJobs:
    """Images to be matted and the files that each leaves by output name; nothing is opened yet."""

    folder: Path
    jobs: list[tuple[Path, dict[str, Path]]]
    outputs: tuple[str, ...]
    background: Background | None


def plan_images(paths: Sequence[Path], output: Path, options: InferOptions) -> ImageJobs:
    """Settle names, see to earlier results and open the background, before a model is loaded.

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
    jobs = [job for job, want in zip(zip(paths, files, strict=True), expected, strict=True) if want]
    if len(jobs) < len(paths):
        logger.info("%d of %d images have their results already and are left out", len(paths) - len(jobs), len(paths))
    background = open_background(options.background, video=False) if "composite" in outputs else None
    return ImageJobs(output, jobs, outputs, background)


def matte_images(predictor: Predictor, plan: ImageJobs, options: InferOptions) -> int:
    """Write what is asked for of every image; the exit status: 1 where some could not be used.

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
        for picture, shown in ordered(writers, partial(_write, plan.outputs), matted, threads):
            bar.step()
            if picture.error:
                failed += 1
                logger.warning("left out: %s", picture.error)
            elif display and not display.show(shown, 0 if len(plan.jobs) == 1 else 1):
                break
    logger.info("%d images in %.1f s, results in %s", bar.done - failed, bar.seconds, plan.folder)
    if failed:
        logger.warning("%d of %d images could not be used", failed, len(plan.jobs))
    return 1 if failed else 0


def _read(predictor: Predictor, background: Background | None, job: tuple[Path, dict[str, Path]]) -> PipelineItem:
    try:
        image = read_image(job[0])
        x = prepare_file(predictor.prepare, image, job[0])
    except DataError as error:
        return PipelineItem(job, error=str(error))
    except cv2.error as error:  # a size beyond what OpenCV takes
        return PipelineItem(
            job, error=f"'{job[0]}' cannot be decoded or resized ({error.err}). Make it smaller, or convert it."
        )
    plate = background.plate(*image.shape[:2]) if background else None
    return PipelineItem(job, image, x, plate)


def _write(outputs: tuple[str, ...], matted: Matted) -> tuple[PipelineItem, np.ndarray | None]:
    """Render and write one image; returns it with what a window would show."""
    picture, output = matted
    if output is None:
        return picture, None
    matte = to_matte(output, *picture.image.shape[:2])
    made = render(picture.image, matte, outputs, picture.plate)
    for name, array in made.items():
        write_png(picture.name[1][name], array)
    return picture, preview(made)
