"""Batches for the training loop: worker processes of MindSpore's data pipeline over a `TrainingSequence`."""

from collections.abc import Iterator

import mindspore.dataset as ds
import numpy as np

from src.dataset import TrainingSequence

Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
PREFETCH_ROWS = 4  # finished samples each worker may hold


def batches(sequence: TrainingSequence, batch_size: int, workers: int) -> Iterator[Batch]:
    """Image [N, 3, H, W], trimap and alpha [N, 1, H, W], float32, to the end of the run.

    One pipeline serves the whole run: the sequence alone decides which sample comes when, so neither the number
    of workers nor an epoch's end changes or delays anything.
    """
    ds.config.set_prefetch_size(PREFETCH_ROWS)
    dataset = ds.GeneratorDataset(
        sequence,
        column_names=["image", "trimap", "alpha"],
        shuffle=False,
        num_parallel_workers=max(1, workers),
        python_multiprocessing=workers > 0,
    )
    dataset = dataset.batch(batch_size, drop_remainder=True)
    yield from dataset.create_tuple_iterator(num_epochs=1, output_numpy=True)
