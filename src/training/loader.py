"""Batches for the training loop: worker processes of MindSpore's data pipeline over a `TrainingSequence`."""

from collections.abc import Iterator

import cv2
import mindspore.dataset as ds
import numpy as np

from src.dataset import TrainingSequence
from src.memory import keep_freed_memory

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
PREFETCH_ROWS = 4  # finished samples each worker may hold


def batches(sequence: TrainingSequence, batch_size: int, workers: int) -> Iterator[Batch]:
    """Image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32, to the end of the run.

    One pipeline serves the whole run: the sequence alone decides which sample comes when, so neither the number
    of workers nor an epoch's end changes or delays anything. With `workers` 0 or 1 MindSpore prepares the samples
    in a thread of this process.
    """
    keep_freed_memory()  # workers, being forks, inherit it
    ds.config.set_prefetch_size(PREFETCH_ROWS)
    processes = workers > 1
    dataset = ds.GeneratorDataset(
        sequence,
        column_names=["image", "trimap", "alpha"],
        shuffle=False,
        num_parallel_workers=max(1, workers),
        python_multiprocessing=processes,
    )
    dataset = dataset.batch(batch_size, drop_remainder=True)
    rows = iter(dataset.create_tuple_iterator(num_epochs=1, output_numpy=True))
    threads = cv2.getNumThreads()
    if processes:
        # The first batch starts the workers. OpenCV's threads do not survive a fork, and in each worker as many as
        # there are cores would only be in one another's way: workers are born with one.
        cv2.setNumThreads(1)
    try:
        first = next(rows, None)
    finally:
        cv2.setNumThreads(threads)
    if first is not None:
        yield first
        yield from rows
