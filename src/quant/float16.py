"""Weights stored in half precision; everything is computed in float32 all the same."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from src.quant.files import save_ir, save_onnx
from src.quant.source import Source
from src.runtime.contract import Contract
from src.runtime.openvino_runtime import import_openvino


def write_fp16(source: Source, contract: Contract, path: Path) -> None:
    """Write `path`, .onnx or .xml. OpenVINO's own compression stores weights that fit as float16."""
    if path.suffix == ".xml":
        save_ir(import_openvino().convert_model(str(source.path)), contract, path, fp16=True)
    else:
        save_onnx(half_weights(source.model), contract, path)


def half_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose convolutions' weights are float16 constants behind a Cast, which runtimes fold when they load it.

    A weight with a value beyond float16's 65,504 stays as it is.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    weights = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    casts = []
    for constant in half.graph.initializer:
        value = numpy_helper.to_array(constant)
        if constant.name not in weights or np.abs(value).max() > np.finfo(np.float16).max:
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}/single", to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    onnx.checker.check_model(half)
    return half
