"""MindIR: MindSpore's own deployment format, read by MindSpore and MindSpore Lite."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import mindspore as ms
import numpy as np

from ..checkpoint.file import load_network
from ..model_file.contract import CONTRACT_KEY, Contract


@contextmanager
def portable_operators() -> Iterator[None]:
    """Networks that are built within use MindSpore's own operators, which every device has, not our CPU ones."""
    with mock.patch.dict(os.environ, MODNET_CPU_OPS="0"):
        yield


def write_mindir(checkpoint: Path, contract: Contract, shape: tuple[int, int, int, int], path: Path) -> None:
    """Export the network of a checkpoint to `path` (.mindir), for inputs float32 `shape` (-1: any)."""
    with portable_operators():
        network, _ = load_network(checkpoint)
    if -1 in shape:
        example = ms.Tensor(shape=[None if side == -1 else side for side in shape], dtype=ms.float32)
    else:
        example = ms.Tensor(np.zeros(shape, np.float32))

    def add_contract(model: object) -> None:
        model.user_info[CONTRACT_KEY] = contract.to_json()

    ms.export(network, example, file_name=str(path), file_format="MINDIR", custom_func=add_contract)
