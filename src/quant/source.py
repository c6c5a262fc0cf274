"""The float model that variants are made from."""

from dataclasses import dataclass
from pathlib import Path

import onnx

from src.errors import ModelError
from src.quant.options import Job
from src.runtime.base import Predictor
from src.runtime.contract import Contract
from src.runtime.factory import open_predictor


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


def open_source(job: Job, staging: Path) -> Source:
    """Open the job's model; a checkpoint is exported into `staging` and proven equal first.

    Raises:
        ModelError: the file is damaged, not in float32, or takes batches only; and whatever exporting raises.
    """
    path = Path(job.model)
    path = _exported(job, staging) if path.suffix == ".ckpt" else path
    predictor, contract = open_predictor(path)
    if predictor.form.batch not in (None, 1):
        raise ModelError(f"{path} takes batches of {predictor.form.batch} pictures; export it with a batch of 1.")
    model = onnx.load(path)
    _check_float32(model, contract, path)
    return Source(path.stem, path, model, predictor, contract)


def _check_float32(model: onnx.ModelProto, contract: Contract, path: Path) -> None:
    dtype = contract.quantization.get("dtype")
    if dtype or any(node.op_type == "QuantizeLinear" for node in model.graph.node):
        origin = contract.source.get("file", "a .ckpt file")
        raise ModelError(
            f"{path} is {dtype or 'int8'} already, wanted is float32. Give the checkpoint that it was made from "
            f"({origin}), or the file that export.py writes of that."
        )


def _exported(job: Job, staging: Path) -> Path:
    from src.device import prepare_environment, select_device

    prepare_environment("CPU")  # before MindSpore
    select_device("CPU")
    from src.deploy.export import ExportOptions, export
    from src.deploy.onnx_model import ANY_SHAPE, parse_shape
    from src.spec import Preprocess

    shape = parse_shape(job.input_shape, Preprocess().multiple) if job.input_shape else ANY_SHAPE
    return export(Path(job.model), "ONNX", staging, ExportOptions(shape))[0][0]
