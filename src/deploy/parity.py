"""Proof that an exported model computes what its checkpoint computes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import mindspore as ms
import numpy as np

from ..common.errors import ExportError
from ..common.log import logger
from ..data.builders.synthetic.scene import portrait
from ..imaging import to_input
from ..runtime.base import InputForm, Predictor
from ..runtime.mindspore_runtime import MindSporePredictor

LIMIT = 1e-4  # of alpha, for float32 models
# batch, height, width: square, portrait, landscape, odd batch, tiny
_SIZES = ((1, 512, 512), (1, 480, 288), (1, 288, 480), (3, 96, 160), (1, 32, 32))
_NOISE_FACTOR = 3
_NOISE_TRIALS = 8  # few pixels near a kink carry the largest change: one trial may see less than half of it


@dataclass(frozen=True)
class Difference:
    """Of alpha in [0, 1] on one batch: the largest and the mean absolute one, and the largest that is allowed."""

    size: tuple[int, int, int]
    most: float
    mean: float
    allowed: float = LIMIT

    def __str__(self) -> str:
        batch, height, width = self.size
        return f"{batch} x {height}x{width}: alpha differs by at most {self.most:.1e}, {self.mean:.1e} in the mean"


def check_parity(reference: Predictor, candidate: Predictor) -> list[Difference]:
    """Compare two float32 models on five batches of generated portraits, of five sizes where the candidate takes any.

    A difference has to stay below `LIMIT`; in a network that amplifies rounding, below three times what the reference's
    own matte changes by at most, in a few trials, when only last bits of its input and weights do.

    Raises:
        ExportError: a difference is too large, or NaN.
    """
    found = []
    for seed, size in enumerate(_sizes(candidate.form)):
        images = [portrait(seed, i, *size[1:])[0] for i in range(size[0])]
        one = _compare(reference, candidate, size, images)
        logger.info("%s", one)
        if not one.most < one.allowed:
            raise ExportError(
                f"The exported model is not equal to the checkpoint; no file was written. {one}; {one.allowed:.1e} is "
                "allowed. The fault is this program's: please report it with the checkpoint."
            )
        found.append(one)
    return found


def _sizes(form: InputForm) -> Sequence[tuple[int, int, int]]:
    """The sizes to try: what the model has fixed replaces the standard ones."""
    height, width = form.size or (None, None)
    return [(form.batch or n, height or h, width or w) for n, h, w in _SIZES]


def _compare(
    reference: Predictor, candidate: Predictor, size: tuple[int, int, int], images: list[np.ndarray]
) -> Difference:
    x, own = (
        np.concatenate([to_input(image, model.preprocess, size[1:]) for image in images])
        for model in (reference, candidate)
    )
    given = np.stack(images) if candidate.form.pixels else candidate.form.arrange(own)
    expected = reference.run(x)
    difference = np.abs(candidate.run(given) - expected)
    most, mean, allowed = float(difference.max()), float(difference.mean()), LIMIT
    if most >= LIMIT:
        noise = _rounding_noise(reference, x, expected)
        allowed = max(LIMIT, _NOISE_FACTOR * noise)
        logger.warning("rounding is amplified: last bits of input and weights change alpha by up to %.1e", noise)
    return Difference(size, most, mean, allowed)


def _rounding_noise(reference: Predictor, x: np.ndarray, y: np.ndarray) -> float:
    """By how much alpha `y` changes at most when values of `x` and convolution weights move by their last bit."""
    rng, most = np.random.default_rng(0), 0.0
    for _ in range(_NOISE_TRIALS):
        with _moved_weights(reference, rng):
            most = max(most, float(np.abs(reference.run(_last_bit(x, rng)) - y).max()))
    return most


@contextmanager
def _moved_weights(reference: Predictor, rng: np.random.Generator) -> Iterator[None]:
    """A checkpoint's convolution weights moved by their last bit, as folding a norm into them rounds them anew."""
    kept = []
    if isinstance(reference, MindSporePredictor):
        kept = [(p, p.asnumpy().copy()) for p in reference.network.get_parameters() if p.ndim == 4]
    try:
        for parameter, value in kept:
            parameter.set_data(ms.Tensor(_last_bit(value, rng)))
        yield
    finally:
        for parameter, value in kept:
            parameter.set_data(ms.Tensor(value))


def _last_bit(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each float32 value moved to its next or previous one."""
    return np.nextafter(values, np.where(rng.random(values.shape) < 0.5, np.inf, -np.inf).astype(np.float32))
