"""Batches through worker processes: the same numbers as without, and what a worker is born with."""

import os
from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from src.common.log import logger
from src.common.malloc import keep_freed_memory
from src.training.loader import batches, usable_workers


class Witness(Sequence):
    """Items that say which they are, in which process they were made, and with how many OpenCV threads."""

    fields = ("image", "trimap", "alpha")

    def __len__(self) -> int:
        return 6

    def __getitem__(self, k: int) -> tuple[np.ndarray, ...]:
        return tuple(np.array([value], np.int64) for value in (k, os.getpid(), cv2.getNumThreads()))


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_every_item_comes_once_and_in_order(workers):
    found = list(batches(Witness(), 3, workers))
    assert [batch[0].ravel().tolist() for batch in found] == [[0, 1, 2], [3, 4, 5]]
    processes = {int(pid) for batch in found for pid in batch[1].ravel()}
    assert (os.getpid() in processes) == (workers < 2) and len(processes) == max(1, workers)


def test_more_workers_than_cores_are_as_many_as_cores(monkeypatch, caplog):
    """P3M.yml asks for 4, and MindSpore refuses more than there are cores."""
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    with caplog.at_level("INFO"):
        assert [usable_workers(n) for n in (0, 1, 2, 4, 8)] == [0, 1, 2, 2, 2]
    assert list(dict.fromkeys(caplog.messages)) == [
        f"workers: {n} asked for, 2 cores here: 2 prepare samples" for n in (4, 8)
    ]


def test_workers_have_one_opencv_thread_and_this_process_keeps_its_own():
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    try:
        threads = {int(n) for batch in batches(Witness(), 3, 2) for n in batch[2].ravel()}
        assert threads == {1} and cv2.getNumThreads() == 2
        assert {int(n) for batch in batches(Witness(), 3, 0) for n in batch[2].ravel()} == {2}
    finally:
        cv2.setNumThreads(before)


def test_freed_memory_is_kept_where_the_c_library_is_glibc():
    assert keep_freed_memory() == ("glibc" in os.confstr("CS_GNU_LIBC_VERSION"))
