"""Stages keep order and bounds."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from src.common.threads import ordered


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
