"""OpenVINO IR from an ONNX file, by OpenVINO's own converter."""

from pathlib import Path

from src.errors import OutputError
from src.runtime.contract import CONTRACT_KEY, Contract
from src.runtime.openvino_runtime import import_openvino


def write_ir(onnx_path: Path, contract: Contract, path: Path) -> None:
    """Convert an ONNX file to `path` (.xml) and the .bin file beside it, float32, with the contract in its rt_info."""
    openvino = import_openvino()
    model = openvino.convert_model(str(onnx_path))
    model.set_rt_info(contract.to_json(), [CONTRACT_KEY])
    try:
        openvino.save_model(model, str(path), compress_to_fp16=False)
    except RuntimeError as error:  # a full disk, for one
        raise OutputError(f"OpenVINO cannot write {path}: {error}") from error
