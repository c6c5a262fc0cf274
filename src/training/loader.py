"""Batches for the training loop: worker processes of MindSpore's data pipeline over a `TrainingSequence`."""

from collections.abc import Iterator, Sequence

import cv2
import mindspore.dataset as ds
import numpy as np

from src.dataset import TrainingSequence
from src.memory import keep_freed_memory

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
PREFETCH_ROWS = 4  # finished samples each worker may hold


class _InWorker(Sequence):
    """The items of a sequence, made in a process that does nothing else."""

    def __init__(self, sequence: TrainingSequence) -> None:
        self._sequence = sequence

    def __len__(self) -> int:
        return len(self._sequence)

    def __getitem__(self, k: int) -> Batch:
        keep_freed_memory()
        return self._sequence[k]


def batches(sequence: TrainingSequence, batch_size: int, workers: int) -> Iterator[Batch]:
    """Image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32, to the end of the run.

    One pipeline serves the whole run: the sequence alone decides which sample comes when, so neither the number
    of workers nor an epoch's end changes or delays anything. `workers` 0 prepares them in this process.
    """
    ds.config.set_prefetch_size(PREFETCH_ROWS)
    dataset = ds.GeneratorDataset(
        _InWorker(sequence) if workers else sequence,
        column_names=["image", "trimap", "alpha"],
        shuffle=False,
        num_parallel_workers=max(1, workers),
        python_multiprocessing=workers > 0,
    )
    dataset = dataset.batch(batch_size, drop_remainder=True)
    threads = cv2.getNumThreads()
    if workers:
        # Workers are forks. OpenCV's threads do not survive a fork, and as many of them as there are cores, in
        # each worker, would only be in one another's way: workers are born with one.
        cv2.setNumThreads(1)
    try:
        iterator = dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)
    finally:
        cv2.setNumThreads(threads)
    yield from iterator
