"""MindSpore behind the Predictor interface: checkpoints and MindIR. It is imported when the first file is opened."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..common.errors import CheckpointError, ModelError
from ..common.log import logger
from ..model_file.contract import CONTRACT_KEY, Contract, read_contract
from ..model_file.formats import CHECKPOINT, MINDIR
from ..model_file.releases import find_model
from ..spec.preprocess import Preprocess
from ..spec.serialisation import spec_to_json
from .base import InputForm, Predictor, check_ends
from .options import RuntimeOptions, not_installed, only_f32
from .registry import register_runtime

if TYPE_CHECKING:
    from mindspore import nn

    from ..checkpoint.file import Meta

_REQUIREMENT = "mindspore==2.10.0"


class MindSporePredictor(Predictor):
    """A network in inference mode, run eagerly: images of any size, no compilation."""

    def __init__(self, network: "nn.Cell", preprocess: Preprocess, form: InputForm | None = None) -> None:
        import mindspore as ms

        super().__init__(preprocess, form or InputForm())
        self.network, self._tensor = network, ms.Tensor
        self.on_cpu = ms.get_context("device_target") == "CPU"

    def run(self, x: np.ndarray) -> np.ndarray:
        """See `Predictor.run`."""
        return self.checked(x, self.network(self._tensor(x)).asnumpy())

    @classmethod
    def from_checkpoint(cls, path: str | Path) -> tuple["MindSporePredictor", "Meta"]:
        """A checkpoint's network, with what the file says about it."""
        from ..checkpoint.file import load_network

        network, meta = load_network(path)
        return cls(network, meta.preprocess), meta


def contract_of(meta: "Meta", path: Path) -> Contract:
    """What a network's checkpoint at `path` promises, in the form that travels with exported models."""
    from ..checkpoint.file import file_source

    if meta.spec is None:
        raise CheckpointError(f"{path} holds an encoder alone. Give the checkpoint of a whole network.")
    return Contract(meta.preprocess, meta.network, spec_to_json(meta.spec), file_source(path), meta.scores)


@register_runtime(CHECKPOINT, MINDIR)
def open_mindspore(path: Path, options: RuntimeOptions) -> tuple[MindSporePredictor, Contract]:
    """See `src.runtime.factory.open_predictor`."""
    from ..backend.device import select_device
    from ..backend.environment import prepare_environment

    only_f32(options.precision, "MindSpore")
    if options.threads:
        os.environ["OMP_NUM_THREADS"] = str(options.threads)
    if path.suffix == MINDIR.suffix:
        _prepare_for_portable_operators(path)
    if message := prepare_environment(options.device):  # before the first import of MindSpore
        logger.info(message)
    try:
        import mindspore  # noqa: F401
    except ImportError as error:
        raise not_installed(_REQUIREMENT, error) from error
    select_device(options.device, options.device_id)
    return open_mindir(path, options.preprocess) if path.suffix == MINDIR.suffix else open_checkpoint(path)


def _prepare_for_portable_operators(path: Path) -> None:
    """MindIR holds MindSpore's own operators, for which a process has to set up the CPU before it imports MindSpore."""
    if "mindspore" not in sys.modules:
        os.environ.setdefault("MODNET_CPU_OPS", "0")
    elif os.environ.get("MODNET_CPU_OPS") != "0":
        logger.warning("%s: opened after a checkpoint, MindIR may be very slow on this CPU. Run it alone.", path)


def open_checkpoint(path: str | Path) -> tuple[MindSporePredictor, Contract]:
    """A checkpoint, or a released model's by its name, with what it says about itself.

    Raises:
        CheckpointError: the file is missing, truncated, foreign, or holds an encoder alone.
        ModelError: there is no released model of this name, or its file is not as it was released.
    """
    path = find_model(path, (CHECKPOINT.suffix,))
    predictor, meta = MindSporePredictor.from_checkpoint(path)
    return predictor, contract_of(meta, path)


def open_mindir(path: Path, given: Mapping[str, Any]) -> tuple[MindSporePredictor, Contract]:
    """A MindIR file; `given` as in `src.model_file.contract.read_contract`."""
    import mindspore as ms
    from mindspore import nn
    from mindspore.train import mind_ir_pb2

    description = mind_ir_pb2.ModelProto()
    try:
        description.ParseFromString(path.read_bytes())
        network = nn.GraphCell(ms.load(str(path)))
        names = [one.name for one in description.graph.input]
    except Exception as error:  # protobuf, the loader and the file system raise types without a common class
        raise ModelError(
            f"{path} cannot be opened by MindSpore: it is missing, truncated, damaged or no MindIR ({error}). Export "
            "it again."
        ) from error
    check_ends(names, [None] * len(description.graph.output), path)
    declared = description.graph.input[0].tensor[0]
    shape = [None if side == -1 else side for side in declared.dims]
    dtype = "float32" if declared.data_type == mind_ir_pb2.TensorProto.FLOAT else "not float32"
    form = InputForm.read(shape, dtype, path)
    contract = read_contract(description.user_info.get(CONTRACT_KEY), path, given)
    return MindSporePredictor(network, contract.preprocess, form), contract
