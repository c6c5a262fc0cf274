"""What every runtime offers: a picture in, a matte of the same size out."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.errors import ModelError
from src.imaging import fit, to_input, to_matte
from src.spec import Preprocess


@dataclass(frozen=True)
class InputForm:
    """Which arrays a model takes.

    Attributes:
        batch: the only batch size, None for any.
        size: the only (height, width), None for any.
        pixels: the model normalises by itself: its input is uint8 RGB [N, h, w, 3], not float32 [N, 3, h, w].
    """

    batch: int | None = None
    size: tuple[int, int] | None = None
    pixels: bool = False

    @classmethod
    def read(cls, shape: Sequence[int | None], dtype: str, path: object) -> "InputForm":
        """From a model's declared input (None: a free side); ModelError for one that is no picture's."""
        if len(shape) == 4 and dtype == "uint8" and shape[3] == 3:
            return cls(shape[0], _size(shape[1:3]), pixels=True)
        if len(shape) == 4 and dtype == "float32" and shape[1] in (3, None):
            return cls(shape[0], _size(shape[2:]))
        sides = ", ".join("?" if side is None else str(side) for side in shape)
        raise ModelError(
            f"The input of {path} is {dtype} [{sides}]; a matting network takes float32 [N, 3, H, W] or uint8 "
            "[N, H, W, 3]. Give a model that export.py wrote, or one exported with that input."
        )


def _size(sides: Sequence[int | None]) -> tuple[int, int] | None:
    return None if None in sides else (sides[0], sides[1])


class Predictor(ABC):
    """A network on some runtime, with the one pre- and post-processing of the project round it.

    `prepare`, `run` and `src.imaging.to_matte` are `predict` in three steps, for programs that overlap them. `run`
    belongs to one thread at a time; the other two may run anywhere.

    Attributes:
        on_cpu: whether `run` keeps the CPU's cores busy.
    """

    on_cpu = True

    def __init__(self, preprocess: Preprocess, form: InputForm = InputForm()) -> None:
        self.preprocess, self.form = preprocess, form

    @abstractmethod
    def run(self, x: np.ndarray) -> np.ndarray:
        """Network input as `prepare` makes it, or several of one size joined along axis 0 -> matte, float32
        [N, 1, h, w] in [0, 1]."""

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Picture uint8 RGB [H, W, 3] -> network input, float32 [1, 3, h, w] (`form.pixels`: uint8 [1, h, w, 3])."""
        if not self.form.pixels:
            return to_input(image, self.preprocess, self.form.size)
        return np.ascontiguousarray(fit(image, self.preprocess, self.form.size))[None]

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Picture uint8 RGB [H, W, 3] -> matte float32 [H, W] in [0, 1]."""
        return to_matte(self.run(self.prepare(image)), *image.shape[:2])
