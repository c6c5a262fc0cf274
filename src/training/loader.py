"""Batches for the training loop: worker processes of MindSpore's data pipeline over a `TrainingSequence`."""

import os
import re
from collections.abc import Iterator

import cv2
import mindspore.dataset as ds
import numpy as np

from ..common import errors
from ..common.errors import MattingError
from ..common.log import logger
from ..common.malloc import keep_freed_memory
from ..common.text import count_of
from ..data.sequence import TrainingSequence

Batch = tuple[np.ndarray, ...]
_OURS = re.compile(r"^\s*(?:[\w.]+\.)?(DataError|ConfigError): (?!Traceback)(.+?)(?=\n\s*\n|\n\s*-{5}|\Z)", re.M | re.S)
_UNEQUAL = re.compile(r"different shapes in column \d+\. First element had shape <([\d,]+)>[^<]*<([\d,]+)>")
PREFETCH_ROWS = 4  # finished samples each worker may hold


def batches(sequence: TrainingSequence, batch_size: int, workers: int) -> Iterator[Batch]:
    """The sequence's fields (image [N, 3, H, W], trimap and alpha [N, 1, H, W]), float32, to the end of the run.

    Raises the DataError of a damaged file, whichever process found it, and ConfigError where sizes differ in a batch.
    """
    try:
        yield from _rows(sequence, batch_size, workers)
    except RuntimeError as error:
        raise _user_error(error) or error from None


def _rows(sequence: TrainingSequence, batch_size: int, workers: int) -> Iterator[Batch]:
    """The pipeline behind `batches`.

    One pipeline serves the whole run: the sequence alone decides which sample comes when, so neither the number
    of workers nor an epoch's end changes or delays anything. With `workers` 0 or 1 MindSpore prepares the samples
    in a thread of this process.
    """
    keep_freed_memory()  # workers, being forks, inherit it
    ds.config.set_prefetch_size(PREFETCH_ROWS)
    workers = usable_workers(workers)
    processes = workers > 1
    dataset = ds.GeneratorDataset(
        sequence,
        column_names=list(sequence.fields),
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


def usable_workers(asked: int) -> int:
    """As many worker processes as were asked for, at most one for each core: MindSpore refuses more."""
    cores = os.cpu_count() or 1
    if asked > cores:
        logger.info("workers: %d asked for, %s here: %d prepare samples", asked, count_of(cores, "core"), cores)
    return min(asked, cores)


def _user_error(error: RuntimeError) -> MattingError | None:
    """The error of ours that a worker met; MindSpore hands it on as a RuntimeError around its printed traceback."""
    if unequal := _UNEQUAL.search(str(error)):
        return errors.ConfigError(
            f"The training transforms give samples of several sizes (channels, height, width: {unequal[1]} and "
            f"{unequal[2]}), which no batch can hold. Cut them to one with RandomScaleCrop or RandomCrop."
        )
    found = _OURS.findall(str(error))
    if not found:
        return None
    kind, text = found[-1]  # a worker process's traceback lies inside another one
    return getattr(errors, kind)(text.strip())
