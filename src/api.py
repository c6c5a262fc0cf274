"""Matting from Python, without a command line; docs/python_api.md shows all of it.

>>> from modnet_mindspore import Matting  # in a checkout: from src.api import Matting
>>> matting = Matting("modnet-p-int8", threads=2)
>>> matting.cutout("photo.jpg").save("photo_cutout.png")

Every mistake is a `MattingError`, whose text names what came, what was expected and the cure.
"""

from .common.errors import MattingError
from .inference.matting import Matting
from .model_file.releases import ReleasedModel, read_releases

__all__ = ["Matting", "MattingError", "ReleasedModel", "list_models"]


def list_models() -> list[ReleasedModel]:
    """The released models, the best first: names, files, sizes in bytes, scores and measured times.

    `ReleasedModel.present` says whether its files are here. One name may have several files.
    """
    return read_releases()
