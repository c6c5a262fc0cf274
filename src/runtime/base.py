"""What every runtime offers: an image in, a matte of the same size out."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.errors import DataError, ModelError
from ..imaging import fit, to_input, to_matte
from ..spec.preprocess import Preprocess

_MATTING = "Give a matting network that export.py wrote, or one with that output."


@dataclass(frozen=True)
class InputForm:
    """Which arrays a model takes.

    Attributes:
        batch: the only batch size, None for any.
        size: the only (height, width), None for any.
        pixels: the model normalises by itself: its input is uint8 RGB [N, h, w, 3], not float32 [N, 3, h, w].
        channels_last: the normalised input is float32 [N, h, w, 3].
    """

    batch: int | None = None
    size: tuple[int, int] | None = None
    pixels: bool = False
    channels_last: bool = False

    @classmethod
    def read(cls, shape: Sequence[int | None], dtype: str, path: object) -> "InputForm":
        """From a model's declared input (None: a free side); ModelError for one that is no image's."""
        if len(shape) == 4 and dtype == "uint8" and shape[3] == 3:
            return cls(shape[0], _size(shape[1:3]), pixels=True)
        if len(shape) == 4 and dtype == "float32" and shape[1] != 3 and shape[3] == 3:
            return cls(shape[0], _size(shape[1:3]), channels_last=True)
        if len(shape) == 4 and dtype == "float32" and shape[1] in (3, None):
            return cls(shape[0], _size(shape[2:]))
        raise ModelError(
            f"The input of {path} is {dtype} {_sides(shape)}; a matting network takes float32 [N, 3, H, W] or "
            "[N, H, W, 3], or uint8 [N, H, W, 3]. Give a model that export.py wrote, or one exported with that input."
        )

    @property
    def dtype(self) -> str:
        """`uint8` or `float32`."""
        return "uint8" if self.pixels else "float32"

    @property
    def layout(self) -> str:
        """`NCHW` or `NHWC`."""
        return "NHWC" if self.pixels or self.channels_last else "NCHW"

    def arrange(self, x: np.ndarray) -> np.ndarray:
        """Normalised images, float32 [N, 3, h, w], in the layout that the model takes."""
        return np.ascontiguousarray(x.transpose(0, 2, 3, 1)) if self.channels_last else x


def check_ends(inputs: Sequence[str], outputs: Sequence[Sequence[int | None] | None], path: object) -> None:
    """ModelError where a model does not make a matte [N, 1, H, W] of one input.

    Args:
        inputs: names of its inputs.
        outputs: declared shapes of its outputs, the matte's first; None for a free side, and for an unknown shape.
        path: of the model, for the message.
    """
    if len(inputs) != 1:
        names = ", ".join(inputs) or "none"
        raise ModelError(f"{path} takes {len(inputs)} inputs ({names}), expected is one, the image. {_MATTING}")
    if not outputs:
        raise ModelError(f"{path} has no output, expected is the matte [N, 1, H, W]. {_MATTING}")
    shape = outputs[0]
    if shape is not None and (len(shape) != 4 or shape[1] not in (1, None)):
        raise ModelError(f"The output of {path} is {_sides(shape)}, expected is the matte [N, 1, H, W]. {_MATTING}")


def _sides(shape: Sequence[int | None]) -> str:
    """`[?, 3, 64, 64]`."""
    return f"[{', '.join('?' if side is None else str(side) for side in shape)}]"


def _size(sides: Sequence[int | None]) -> tuple[int, int] | None:
    height, width = sides
    return None if height is None or width is None else (height, width)


class Predictor(ABC):
    """A network on some runtime, with the one pre- and post-processing of the project round it.

    `prepare`, `run` and `src.imaging.to_matte` are `predict` in three steps, for programs that overlap them. `run`
    belongs to one thread at a time; the other two may run anywhere.

    Attributes:
        on_cpu: whether `run` keeps the CPU's cores busy.
        source: the model's file, for messages.
    """

    on_cpu = True
    source: str = "The network"

    def __init__(self, preprocess: Preprocess, form: InputForm = InputForm()) -> None:
        self.preprocess, self.form = preprocess, form

    @abstractmethod
    def run(self, x: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            x: what `prepare` makes, or several of one size joined along axis 0.

        Returns:
            Mattes, float32 [N, 1, h, w] in [0, 1].
        """

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Image uint8 RGB [H, W, 3] -> network input: float32 [1, 3, h, w], or as `form` says.

        Raises DataError for an image too narrow for any input, see `src.imaging.network_size`.
        """
        return make_input(image, self.preprocess, self.form)

    def checked(self, x: np.ndarray, mattes: np.ndarray) -> np.ndarray:
        """What `run` computed of `x`, as it is; ModelError where it is no matte of each image, or not finite."""
        sides = x.shape[1:3] if self.form.layout == "NHWC" else x.shape[2:]
        expected = (len(x), 1, *sides)
        if mattes.shape != expected or mattes.dtype.kind != "f":
            raise ModelError(
                f"{self.source} gives {mattes.dtype} {_sides(mattes.shape)} for an input of {_sides(x.shape)}, "
                f"expected is the matte [N, 1, H, W], float32 {_sides(expected)}. {_MATTING}"
            )
        with np.errstate(all="ignore"):
            finite = np.isfinite(mattes.sum(dtype=np.float32))
        if not finite:
            raise ModelError(
                f"{self.source} gives a matte that is NaN or infinite in {int((~np.isfinite(mattes)).sum())} of "
                f"{mattes.size} pixels. Its weights or its mean and std are damaged: give another file, or export it "
                "again."
            )
        return mattes

    def failed(self, x: np.ndarray, error: Exception) -> ModelError:
        """The error for an input that the runtime cannot compute."""
        reason = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return ModelError(
            f"{self.source} cannot compute an input of {x.dtype} {_sides(x.shape)} ({reason}). {_MATTING}"
        )

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Image uint8 RGB [H, W, 3] -> matte float32 [H, W] in [0, 1]."""
        return to_matte(self.run(self.prepare(image)), *image.shape[:2])


def make_input(image: np.ndarray, preprocess: Preprocess, form: InputForm) -> np.ndarray:
    """Image uint8 RGB [H, W, 3] -> input of a network; see `Predictor.prepare`."""
    if not form.pixels:
        return form.arrange(to_input(image, preprocess, form.size))
    return np.ascontiguousarray(fit(image, preprocess, form.size))[None]


def one_image_at_a_time(predictor: Predictor, model: object) -> None:
    """ModelError where `model` takes several images at once only."""
    if predictor.form.batch not in (None, 1):
        raise ModelError(
            f"{model} takes batches of {predictor.form.batch} images, expected is one at a time. Export it with a free "
            "batch, or with --input_shape 1,3,H,W."
        )


def prepare_file(prepare: Callable[[np.ndarray], np.ndarray], image: np.ndarray, path: Path) -> np.ndarray:
    """`prepare(image)`, as `Predictor.prepare` does it; its DataError names the image's file `path`."""
    try:
        return prepare(image)
    except DataError as error:
        raise DataError(f"'{path}': {error}") from error
