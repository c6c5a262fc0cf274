"""One network for photographs in any form: what `src.api` offers and the server serves."""

import os
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..common.errors import DataError
from ..imaging import decode_image, read_image, to_matte
from .backgrounds import StillImage, open_background
from .model import ModelChoice, open_model
from .render import render

if TYPE_CHECKING:
    from PIL.Image import Image

Picture: TypeAlias = "str | os.PathLike[str] | bytes | np.ndarray | Image"


class Matting:
    """A matting network, opened once, for photographs and videos.

    It may be used from several threads: they read, prepare and render side by side and take turns in the network.
    Memory does not grow with the number of calls.

    Args:
        model: a released model's name (see `list_models`) or a model file; None is the best one that is here.
        threads: of the CPU for the network; None leaves them to the runtime.
        device: the runtime's name of a device: CPU, GPU, NPU.
        precision: f32, bf16 or f16, as far as the runtime has it.
        flip: the mean of the network's looks at the picture and at its mirror image: better edges, twice the time.

    Raises:
        MattingError: there is no such model, it is damaged, or its runtime or the device is not here.
    """

    def __init__(
        self, model: str | os.PathLike[str] | None = None, *, threads: int | None = None, device: str = "CPU",
        precision: str = "f32", flip: bool = False,
    ) -> None:  # fmt: skip
        name = None if model is None else os.fspath(model)
        choice = ModelChoice(name, device, {"threads": threads, "precision": precision})
        self._predictor = open_model(choice, flip)
        self._turn = Lock()  # a predictor runs for one thread at a time

    def alpha(self, picture: Picture) -> np.ndarray:
        """How much of each pixel is the person: float32 [H, W] in [0, 1], of the picture's size, upright.

        Args:
            picture: path of an image file, its content as bytes, a PIL image, or an array uint8 RGB [H, W, 3].

        Raises:
            MattingError: the picture cannot be read, or is too narrow for the network.
        """
        return self._alpha(pixels_of(picture))

    def cutout(self, picture: Picture) -> "Image":
        """The person alone: a PIL image RGBA of the picture's size, alpha straight, colours freed of the background.

        Args and Raises: as of `alpha`.
        """
        from PIL import Image

        image = pixels_of(picture)
        return Image.fromarray(render(image, self._alpha(image), ("rgba",), None)["rgba"], "RGBA")

    def composite(self, picture: Picture, background: Picture = "blur") -> "Image":
        """The person before another background: a PIL image RGB of the picture's size.

        Args:
            picture: as of `alpha`.
            background: "blur", a colour ("white", "#rrggbb", "r,g,b"), a path, or a picture as of `alpha`, which is
                scaled until it fills the frame.

        Raises:
            MattingError: one of both cannot be read, or the background is none.
        """
        from PIL import Image

        image = pixels_of(picture)
        behind = (
            open_background(os.fspath(background), video=False)
            if isinstance(background, str | os.PathLike)
            else StillImage(pixels_of(background))
        )
        plate = behind.plate(*image.shape[:2])
        return Image.fromarray(render(image, self._alpha(image), ("composite",), plate)["composite"], "RGB")

    def _alpha(self, image: np.ndarray) -> np.ndarray:
        x = self._predictor.prepare(image)
        with self._turn:
            output = self._predictor.run(x)
        return to_matte(output, *image.shape[:2])


def pixels_of(picture: Picture) -> np.ndarray:
    """A picture as `Matting.alpha` takes it: uint8 RGB [H, W, 3], upright; DataError for anything else."""
    if isinstance(picture, str | os.PathLike):
        return read_image(os.fspath(picture))
    if isinstance(picture, bytes | bytearray | memoryview):
        return decode_image(bytes(picture), "the bytes given")[0]
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise DataError(f"An array must be RGB, uint8 [H, W, 3]; this is {picture.dtype} {list(picture.shape)}.")
        return np.ascontiguousarray(picture)
    from PIL import Image, ImageOps

    if isinstance(picture, Image.Image):
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
    raise DataError(
        f"A picture is a path, the content of an image file as bytes, a PIL image, or an array uint8 RGB [H, W, 3]; "
        f"this is a {type(picture).__name__}."
    )
