"""Stages keep order and bounds; the network gets batches."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from src.common.threads import ordered
from src.inference.pipeline import PipelineItem, run_network
from src.runtime.base import InputForm
from tests.support.fake_predictor import RedPredictor


def test_results_keep_the_order_of_their_items():
    def slow_first(n: int) -> int:
        time.sleep(0.02 if n == 0 else 0)
        return n * n

    with ThreadPoolExecutor(4) as pool:
        assert list(ordered(pool, slow_first, range(10), 4)) == [n * n for n in range(10)]


def test_only_so_many_items_are_taken_ahead():
    taken = []

    def items():
        for n in range(100):
            taken.append(n)
            yield n

    with ThreadPoolExecutor(2) as pool:
        stage = ordered(pool, lambda n: n, items(), ahead=3)
        assert next(stage) == 0 and len(taken) == 4
        assert next(stage) == 1 and len(taken) == 5
        stage.close()
    assert len(taken) == 5


def test_stages_overlap():
    """The caller is still at item 0 when item 1 is computed."""
    second = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        stage = ordered(pool, lambda n: n == 1 and second.set(), range(3), ahead=1)
        next(stage)
        assert second.wait(5)


def test_an_error_comes_out_at_its_turn():
    with ThreadPoolExecutor(2) as pool:
        stage = ordered(pool, lambda n: 6 // (2 - n), range(5), ahead=4)
        assert [next(stage), next(stage)] == [3, 6]
        with pytest.raises(ZeroDivisionError):
            next(stage)


def picture(name: int, width: int = 64) -> PipelineItem:
    image = np.full((64, width, 3), name, np.uint8)
    return PipelineItem(name, image, RedPredictor().prepare(image))


def values(matted) -> list[tuple[int, int | None]]:
    return [(p.name, None if o is None else round(255 * float(o.mean()))) for p, o in matted]


def test_neighbours_of_one_size_share_a_run():
    predictor = RedPredictor()
    images = [picture(1), picture(2), picture(3), picture(4, 96), picture(5), PipelineItem(6, error="gone"), picture(7)]
    expected = [(n, None if n == 6 else n) for n in range(1, 8)]
    assert values(run_network(predictor, images, 2)) == expected
    small, wide = (3, 64, 64), (3, 64, 96)
    assert predictor.shapes == [(2, *small), (1, *small), (1, *wide), (1, *small), (1, *small)]


def test_a_fixed_batch_is_filled_up():
    predictor = RedPredictor(InputForm(batch=2))
    assert values(run_network(predictor, [picture(n) for n in (1, 2, 3)], 8)) == [(1, 1), (2, 2), (3, 3)]
    assert predictor.shapes == [(2, 3, 64, 64)] * 2


def test_every_output_has_one_image():
    ((_, output),) = run_network(RedPredictor(), [picture(9)])
    assert output.shape == (1, 1, 64, 64)
