"""MindSpore behind the Predictor interface: checkpoints and MindIR."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn
from mindspore.train import mind_ir_pb2

from ..checkpoint.file import Meta, file_source, load_network
from ..common.errors import ModelError
from ..model_file.contract import CONTRACT_KEY, Contract, read_contract
from ..model_file.releases import find_model
from ..spec.preprocess import Preprocess
from ..spec.serialisation import spec_to_json
from .base import InputForm, Predictor


class MindSporePredictor(Predictor):
    """A network in inference mode, run eagerly: images of any size, no compilation."""

    def __init__(self, network: nn.Cell, preprocess: Preprocess, form: InputForm | None = None) -> None:
        super().__init__(preprocess, form or InputForm())
        self.network = network
        self.on_cpu = ms.get_context("device_target") == "CPU"

    def run(self, x: np.ndarray) -> np.ndarray:
        return self.network(ms.Tensor(x)).asnumpy()

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> tuple["MindSporePredictor", Meta]:
        network, meta = load_network(path)
        return cls(network, meta.preprocess), meta


def contract_of(meta: Meta, path: Path) -> Contract:
    """What a network's checkpoint at `path` promises, in the form that travels with exported models."""
    return Contract(meta.preprocess, meta.network, spec_to_json(meta.spec), file_source(path), meta.scores)


def open_checkpoint(path: str | Path) -> tuple[MindSporePredictor, Contract]:
    """A checkpoint, or a released model's by its name, with what it says about itself.

    Raises:
        CheckpointError: the file is missing, truncated, foreign, or holds an encoder alone.
        ModelError: there is no released model of this name, or its file is not as it was released.
    """
    path = find_model(path, (".ckpt",))
    predictor, meta = MindSporePredictor.from_checkpoint(path)
    return predictor, contract_of(meta, path)


def open_mindir(path: Path, given: Mapping[str, Any]) -> tuple[MindSporePredictor, Contract]:
    """A MindIR file; `given` as in `src.model_file.contract.read_contract`."""
    description = mind_ir_pb2.ModelProto()
    try:
        description.ParseFromString(path.read_bytes())
        network = nn.GraphCell(ms.load(str(path)))
        declared = description.graph.input[0].tensor[0]
    except Exception as error:  # protobuf, the loader and the file system raise types without a common class
        raise ModelError(
            f"{path} cannot be opened by MindSpore: it is missing, truncated, damaged or no MindIR ({error}). Export "
            "it again."
        ) from error
    shape = [None if side == -1 else side for side in declared.dims]
    dtype = "float32" if declared.data_type == mind_ir_pb2.TensorProto.FLOAT else "not float32"
    form = InputForm.read(shape, dtype, path)
    contract = read_contract(description.user_info.get(CONTRACT_KEY), path, given)
    return MindSporePredictor(network, contract.preprocess, form), contract
