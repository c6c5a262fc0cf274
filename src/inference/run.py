"""One run of infer.py: what the inputs name is matted into a folder, a file or standard output."""

import time
from pathlib import Path

from ..common.errors import ConfigError, MattingError
from ..common.files import make_folder
from ..imaging.encode import SUFFIXES
from .display import check_display
from .images import STANDARD_OUTPUT, ImagePlan, matte_images, plan_images, plan_one_image
from .model import ModelChoice, open_model, resolve_model
from .options import InferOptions, Selection
from .sources import Found, LeftOut, Sources, find_sources
from .tally import Tally
from .video import matte_video, plan_video

_FAILED = 1


def infer(selection: Selection, output: str | Path, model: ModelChoice, options: InferOptions) -> int:
    """Matte images, videos or a camera; mistakes that can be seen before the model is opened are told before.

    Args:
        selection: what is matted.
        output: folder for the results; for one image also a file's name, or `-` for standard output.
        model: what computes the mattes.
        options: what is written, and how.

    Returns:
        The exit status: 1 where something was not done; for one video or camera that of `matte_video`.

    Raises:
        MattingError: as the functions that it calls say.
    """
    if options.show:
        check_display()
    resolve_model(model.name)
    began, tally, place = time.perf_counter(), Tally(), Path(output)
    every = find_sources(selection.inputs, selection.recursive, place)
    sources = every.shard(*selection.shard)
    if sources.camera is not None:
        return _one_video(sources.camera, make_folder(place), model, options)
    if len(every.videos) == 1 and not every.images and not every.left_out and selection.shard == (1, 1):
        return _one_video(every.videos[0].path, make_folder(place), model, options)
    for item in sources.left_out:
        tally.leave_out(item)
    if every.images:
        plan = _plan(every, sources, place, options, tally)
        if plan.jobs:
            matte_images(open_model(model, options.flip_for(video=False)), plan, options, tally)
    for video in sources.videos:
        status = _video_of_many(video, make_folder(place / video.name.parent), model, options, tally)
        if status > _FAILED:  # a signal
            return status
    tally.log(time.perf_counter() - began, "standard output" if place == STANDARD_OUTPUT else place)
    return tally.status


def _plan(every: Sources, sources: Sources, output: Path, options: InferOptions, tally: Tally) -> ImagePlan:
    """The plan of the images: into a folder, or the one image into the file that `output` names."""
    if output != STANDARD_OUTPUT and (output.suffix.lower() not in SUFFIXES or output.is_dir()):
        return plan_images(every.images, make_folder(output), options, tally, {found.path for found in sources.images})
    if len(every.images) != 1 or every.videos:
        raise ConfigError(
            f"--output '{output}' is for one image, and there are {len(every.images) + len(every.videos)} inputs. Give "
            "a folder as --output."
        )
    return plan_one_image(every.images[0], output, options, tally)


def _one_video(source: Path | int, output: Path, model: ModelChoice, options: InferOptions) -> int:
    video = plan_video(source, output, options)
    return 0 if video is None else matte_video(open_model(model, options.flip_for(video=True)), video, options)


def _video_of_many(video: Found, output: Path, model: ModelChoice, options: InferOptions, tally: Tally) -> int:
    """Matte one of several inputs; what goes wrong is counted and stops nothing. Returns its exit status."""
    try:
        plan = plan_video(video.path, output, options)
        if plan is None:
            tally.there += 1
            return 0
        status = matte_video(open_model(model, options.flip_for(video=True)), plan, options)
    except MattingError as error:
        tally.leave_out(LeftOut(video.name, str(error)))
        return _FAILED
    tally.videos += 1
    if status == _FAILED:
        tally.leave_out(LeftOut(video.name, f"'{video.path}' broke off before its end"))
    return status
