"""MindIR: MindSpore's own deployment format, read by MindSpore and MindSpore Lite."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

from ...common.errors import ConfigError
from ...model_file.contract import CONTRACT_KEY
from ..options import ExportOptions
from ..registry import ExportJob, only_own_operators, register_target


@contextmanager
def portable_operators() -> Iterator[None]:
    """Networks that are built within use MindSpore's own operators, which every device has, not our CPU ones."""
    with mock.patch.dict(os.environ, MODNET_CPU_OPS="0"):
        yield


def only_normalised(options: ExportOptions) -> None:
    """ConfigError for pixels or NHWC as input, and for an opset."""
    only_own_operators(options)
    if options.with_preprocess or options.channels_last:
        raise ConfigError(
            "MINDIR takes normalised [N, 3, H, W] only: leave --with_preprocess out and --layout at NCHW, or use ONNX "
            "or OPENVINO."
        )


@register_target("MINDIR", ".mindir", check=only_normalised, portable=True)
def write_mindir(job: ExportJob, path: Path) -> None:
    """Write the job's network, built anew of MindSpore's own operators."""
    import mindspore as ms
    import numpy as np

    from ...checkpoint.file import load_network

    with portable_operators():
        network, _ = load_network(job.checkpoint)
    shape = job.options.shape
    if -1 in shape:
        example = ms.Tensor(shape=[None if side == -1 else side for side in shape], dtype=ms.float32)
    else:
        example = ms.Tensor(np.zeros(shape, np.float32))

    def add_contract(model: Any) -> None:
        model.user_info[CONTRACT_KEY] = job.contract.to_json()

    ms.export(network, example, file_name=str(path), file_format="MINDIR", custom_func=add_contract)
