"""A network that needs no runtime: the matte is the image's red channel."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np

from src.model_file.contract import Contract
from src.runtime.base import InputForm, Predictor
from src.spec.preprocess import Preprocess


class RedPredictor(Predictor):
    """Images of 64x64 pixels (and others between multiples of 32 round it) reach it unscaled."""

    def __init__(self, form: InputForm | None = None) -> None:
        super().__init__(Preprocess(ref_size=64), form or InputForm())
        self.shapes: list[tuple[int, ...]] = []

    def run(self, x: np.ndarray) -> np.ndarray:
        self.shapes.append(x.shape)
        return x[:, :1] * 0.5 + 0.5


@contextlib.contextmanager
def fake_model(predictor: Predictor | None = None) -> Iterator[tuple[Predictor, dict[str, Any]]]:
    """Let infer.py open this predictor whatever the model file holds; yields it and what it was opened with."""
    predictor, given = predictor or RedPredictor(), {}

    def open_predictor(path: Any, device: str, **options: Any) -> tuple[Predictor, Contract]:
        given.update(options, path=path, device=device)
        return predictor, Contract(predictor.preprocess)

    with mock.patch("src.inference.model.open_predictor", open_predictor):
        yield predictor, given


def disc(x: float, y: float, radius: float, size: int = 256) -> np.ndarray:
    """A true alpha float32 [size, size]: a disc with an antialiased edge."""
    rows, columns = np.mgrid[:size, :size]
    return np.clip(radius + 0.5 - np.hypot(columns - x, rows - y), 0, 1).astype(np.float32)
