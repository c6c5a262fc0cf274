"""One run of infer.py: what --input names is matted, and the results are in a folder."""

from pathlib import Path

from ..common.files import make_folder
from .display import check_display
from .images import matte_images, plan_images
from .model import ModelChoice, open_model, resolve_model
from .options import InferOptions
from .sources import Camera, ImageFiles, find_source
from .video import matte_video, plan_video


def infer(source: str, output: str | Path, model: ModelChoice, options: InferOptions) -> int:
    """Matte images, a video or a camera; mistakes that can be seen before the model is opened are told before.

    Args:
        source: image, folder of images, video, or a camera's number.
        output: folder for the results.
        model: what computes the mattes.
        options: what is written, and how.

    Returns:
        The exit status, see `matte_images` and `matte_video`.

    Raises:
        MattingError: as the functions that it calls say.
    """
    if options.show:
        check_display()
    resolve_model(model.name)
    found, folder = find_source(source), make_folder(output)
    if isinstance(found, ImageFiles):
        images = plan_images(found.paths, folder, options)
        return matte_images(open_model(model, options.flip_for(video=False)), images, options) if images.jobs else 0
    video = plan_video(found.number if isinstance(found, Camera) else found.path, folder, options)
    return 0 if video is None else matte_video(open_model(model, options.flip_for(video=True)), video, options)
