"""OpenVINO IR: a .xml file and the .bin file with its weights."""

import tempfile
from pathlib import Path

from ..registry import ExportJob, only_own_operators, register_target
from .onnx import write_onnx


@register_target("OPENVINO", ".xml", ".bin", check=only_own_operators)
def write_openvino(job: ExportJob, path: Path) -> None:
    """Write the job's network as ONNX, and that as an IR."""
    from ..openvino_ir import convert_onnx, save_ir

    with tempfile.TemporaryDirectory() as folder:
        write_onnx(job, Path(folder) / "model.onnx")
        save_ir(convert_onnx(Path(folder) / "model.onnx"), job.contract, path)
