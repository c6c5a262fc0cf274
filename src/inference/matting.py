"""One network for photographs in any form: what `src.api` offers and the server serves."""

import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..common.errors import DataError
from ..imaging import to_matte
from ..imaging.photo import decode_photo, read_photo
from ..imaging.pillow import pixels_of
from ..imaging.video import VideoReader
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
            picture: path of an image file, its content as bytes, a PIL image, or an array uint8 RGB [H, W, 3]. Where
                the picture is transparent already, alpha is at most as large as its own.

        Raises:
            MattingError: the picture cannot be read, or is too narrow for the network.
        """
        return self._matted(picture)[1]

    def cutout(self, picture: Picture) -> "Image":
        """The person alone: a PIL image RGBA of the picture's size, alpha straight, colours freed of the background.

        Args and Raises: as of `alpha`.
        """
        from PIL import Image

        image, alpha = self._matted(picture)
        return Image.fromarray(render(image, alpha, ("cutout",), None)["cutout"], "RGBA")

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

        behind = (
            open_background(os.fspath(background), video=False)
            if isinstance(background, str | os.PathLike)
            else StillImage(opened(background)[0])
        )
        image, alpha = self._matted(picture)
        plate = behind.plate(*image.shape[:2])
        return Image.fromarray(render(image, alpha, ("composite",), plate)["composite"], "RGB")

    def video(self, path: str | os.PathLike[str]) -> Iterator[tuple[float, np.ndarray]]:
        """The frames of a video: (seconds from its beginning, alpha as of `alpha`), one after another.

        Times are those of the constant rate that the file states.

        Raises:
            MattingError: it cannot be opened, or it breaks off before the end that it announces.
        """
        reader, done = VideoReader(Path(path)), 0
        try:
            while (frame := reader.read()) is not None:
                yield done / reader.rate, self._alpha(frame)
                done += 1
            if reader.cut_short(done):
                raise DataError(f"The video '{path}' broke off after {done} of {reader.frames} frames. Copy it "
                                "again.")  # fmt: skip
        finally:
            reader.close()

    def _matted(self, picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        """The picture, uint8 RGB [H, W, 3], and its alpha, float32 [H, W] in [0, 1], at most the picture's own."""
        image, transparency = opened(picture)
        alpha = self._alpha(image)
        return image, alpha if transparency is None else np.minimum(alpha, transparency.astype(np.float32) / 255)

    def _alpha(self, image: np.ndarray) -> np.ndarray:
        x = self._predictor.prepare(image)
        with self._turn:
            output = self._predictor.run(x)
        return to_matte(output, *image.shape[:2])


def opened(picture: Picture) -> tuple[np.ndarray, np.ndarray | None]:
    """A picture as `Matting.alpha` takes it, upright: uint8 RGB [H, W, 3], and its transparency, uint8 [H, W] or None.

    Raises:
        DataError: it is none of these, or it is damaged.
    """
    if isinstance(picture, str | os.PathLike):
        photo = read_photo(os.fspath(picture))
        return photo.image, photo.alpha
    if isinstance(picture, bytes | bytearray | memoryview):
        photo = decode_photo(bytes(picture), "the bytes given")
        return photo.image, photo.alpha
    if isinstance(picture, np.ndarray):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or 0 in picture.shape:
            raise DataError(f"An array must be RGB, uint8 [H, W, 3]; this is {picture.dtype} {list(picture.shape)}.")
        return np.ascontiguousarray(picture), None
    from PIL import Image

    if isinstance(picture, Image.Image):
        return pixels_of(picture, "the PIL image")
    raise DataError(
        f"A picture is a path, the content of an image file as bytes, a PIL image, or an array uint8 RGB [H, W, 3]; "
        f"this is a {type(picture).__name__}."
    )
