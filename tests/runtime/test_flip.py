"""The mean over an image and its mirror image."""

import numpy as np
import pytest

from src.inference.options import InferOptions
from src.runtime.base import InputForm, Predictor
from src.runtime.flip import FlipTTA
from src.spec.preprocess import Preprocess


class Ramp(Predictor):
    """Red weighted by the column's number: knows left from right."""

    def run(self, x: np.ndarray) -> np.ndarray:
        red = x[:, None, :, :, 0] if self.form.layout == "NHWC" else x[:, :1]
        return (red * np.arange(red.shape[-1])).astype(np.float32)


def predictor(**form: bool) -> Ramp:
    return Ramp(Preprocess(), InputForm(**form))


def test_the_mean_by_hand():
    """Red (1, 2, 4) becomes (0, 2, 8), mirrored (4, 2, 1) becomes (0, 2, 2) and back (2, 2, 0): (1, 2, 4) again."""
    x = np.zeros((2, 3, 1, 3), np.float32)
    x[:, 0, 0] = [[1, 2, 4], [0, 5, 8]]
    found = FlipTTA(predictor()).run(x)
    np.testing.assert_array_equal(found[:, 0, 0], [[1, 2, 4], [0, 5, 8]])


@pytest.mark.parametrize("form", [{"channels_last": True}, {"pixels": True}])
def test_every_layout_is_flipped_along_its_width(form):
    x = np.random.default_rng(0).integers(0, 9, (2, 3, 4, 5)).astype(np.float32)
    expected = FlipTTA(predictor()).run(x)
    np.testing.assert_array_equal(
        FlipTTA(predictor(**form)).run(np.ascontiguousarray(x.transpose(0, 2, 3, 1))), expected
    )


def test_a_mirrored_image_gets_the_mirrored_matte():
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    both, one = FlipTTA(predictor()), predictor()
    np.testing.assert_allclose(both.predict(image[:, ::-1].copy()), both.predict(image)[:, ::-1], atol=1e-5)
    assert abs(one.predict(image[:, ::-1].copy()) - one.predict(image)[:, ::-1]).max() > 0.1


@pytest.mark.parametrize(
    ("asked", "photograph", "video"), [(None, True, False), (True, True, True), (False, False, False)]
)
def test_photographs_alone_are_flipped_unless_asked(asked, photograph, video):
    options = InferOptions(flip=asked)
    assert (options.flip_for(video=False), options.flip_for(video=True)) == (photograph, video)
