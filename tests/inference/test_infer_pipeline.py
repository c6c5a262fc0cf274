"""The network gets batches; order stays."""

import numpy as np

from src.inference.pipeline import Prepared, Unusable, run_network
from src.runtime.base import InputForm
from tests.support.fake_predictor import RedPredictor


def prepared(name: int, width: int = 64) -> Prepared:
    image = np.full((64, width, 3), name, np.uint8)
    return Prepared(name, image, RedPredictor().prepare(image))


def values(matted) -> list[tuple[int, int | None]]:
    """Name and mean of each output, in 1/255; None for an unusable image."""
    return [(m.name, None) if isinstance(m, Unusable) else (m[0].name, round(255 * float(m[1].mean()))) for m in matted]


def test_neighbours_of_one_size_share_a_run():
    predictor = RedPredictor()
    images = [prepared(1), prepared(2), prepared(3), prepared(4, 96), prepared(5), Unusable(6, "gone"), prepared(7)]
    expected = [(n, None if n == 6 else n) for n in range(1, 8)]
    assert values(run_network(predictor, images, 2)) == expected
    small, wide = (3, 64, 64), (3, 64, 96)
    assert predictor.shapes == [(2, *small), (1, *small), (1, *wide), (1, *small), (1, *small)]


def test_a_fixed_batch_is_filled_up():
    predictor = RedPredictor(InputForm(batch=2))
    assert values(run_network(predictor, [prepared(n) for n in (1, 2, 3)], 8)) == [(1, 1), (2, 2), (3, 3)]
    assert predictor.shapes == [(2, 3, 64, 64)] * 2


def test_every_output_has_one_image():
    ((_, output),) = run_network(RedPredictor(), [prepared(9)])
    assert output.shape == (1, 1, 64, 64)
