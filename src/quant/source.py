"""The float model that variants are made from."""

from dataclasses import dataclass
from pathlib import Path

import onnx

from ..common.errors import ModelError
from ..model_file.contract import Contract
from ..model_file.formats import CHECKPOINT, format_of
from ..runtime.base import Predictor, one_image_at_a_time
from ..runtime.factory import open_predictor
from .options import QuantizationJob


@dataclass(frozen=True)
class Source:
    """An ONNX file in float32.

    Attributes:
        name: stem of the files made from it.
        path: of the ONNX file.
        model: as the onnx package reads it.
        predictor, contract: of the file in onnxruntime.
    """

    name: str
    path: Path
    model: onnx.ModelProto
    predictor: Predictor
    contract: Contract


def open_source(job: QuantizationJob, staging: Path) -> Source:
    """Open the job's model; a checkpoint is exported into `staging` and proven equal first.

    Raises:
        ModelError: the file is damaged, not in float32, or takes batches only; and whatever exporting raises.
    """
    path = Path(job.model)
    path = _exported(job, staging) if format_of(path) is CHECKPOINT else path
    predictor, contract = open_predictor(path)
    one_image_at_a_time(predictor, path)
    model = onnx.load(path)
    _check_float32(model, contract, path)
    return Source(path.stem, path, model, predictor, contract)


def _check_float32(model: onnx.ModelProto, contract: Contract, path: Path) -> None:
    dtype = contract.quantization.get("dtype")
    if dtype or any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        origin = contract.source.get("file", "a .ckpt file")
        raise ModelError(
            f"{path} is {dtype or 'int8'} already, expected is float32. Give the checkpoint that it was made from "
            f"({origin}), or the file that export.py writes of that."
        )


def _exported(job: QuantizationJob, staging: Path) -> Path:
    from ..backend.device import select_device
    from ..backend.environment import prepare_environment

    prepare_environment("CPU")  # before MindSpore
    select_device("CPU")
    from ..deploy.export import export
    from ..deploy.options import ExportOptions, read_shape

    options = ExportOptions(read_shape(job.input_shape))
    return export(Path(job.model), "ONNX", staging, options)[0][0]
