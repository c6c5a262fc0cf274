"""OpenVINO IR files, with their contract inside."""

from pathlib import Path
from typing import Any

from ..common.errors import OutputError
from ..model_file.contract import CONTRACT_KEY, Contract
from ..runtime.openvino_runtime import import_openvino


def convert_onnx(path: Path) -> Any:
    """An ONNX file as an `openvino.Model`, by OpenVINO's own converter."""
    return import_openvino().convert_model(str(path))


def save_ir(model: Any, contract: Contract, path: Path) -> None:
    """Write an `openvino.Model` as `path` (.xml) and the .bin file beside it, with the contract in its rt_info.

    Raises:
        OutputError: the files cannot be written.
    """
    model.set_rt_info(contract.to_json(), [CONTRACT_KEY])
    try:
        import_openvino().save_model(model, str(path), compress_to_fp16=False)
    except RuntimeError as error:  # a full disk, for one
        raise OutputError(f"OpenVINO cannot write {path}: {error}") from error
