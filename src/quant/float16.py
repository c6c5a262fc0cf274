"""Weights stored in half precision; everything is computed in float32 all the same."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from ..deploy.openvino_ir import convert_onnx, save_ir
from ..model_file.contract import Contract
from ..runtime.openvino_runtime import import_openvino
from .files import save_onnx
from .layers import CONVOLUTIONS
from .source import Source


def write_fp16(source: Source, contract: Contract, path: Path) -> None:
    """Write `path`, .onnx or .xml, with the weights of convolutions as float16; biases stay in float32."""
    if path.suffix == ".onnx":
        save_onnx(half_weights(source.model), contract, path)
        return
    model = convert_onnx(source.path)
    halve(model)
    save_ir(model, contract, path)


def halve(model: Any) -> None:
    """`half_weights` of an `openvino.Model`, in place. OpenVINO's own compression would round the biases as well."""
    make = import_openvino().opset13
    for op in model.get_ordered_ops():
        if op.get_type_name() in CONVOLUTIONS:
            weights = op.input_value(1).get_node()
            if fits_float16(weights.data):
                half = make.constant(weights.data.astype(np.float16), name=weights.get_friendly_name())
                op.input(1).replace_source_output(make.convert(half, "f32").output(0))


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
        if constant.name not in weights or not fits_float16(value):
            continue
        name = constant.name
        constant.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], f"{name}/single", to=TensorProto.FLOAT))
    nodes = [*casts, *half.graph.node]
    del half.graph.node[:]
    half.graph.node.extend(nodes)
    onnx.checker.check_model(half)
    return half


def fits_float16(weights: np.ndarray) -> bool:
    """Whether no weight is beyond the largest float16."""
    return bool(np.abs(weights).max() <= np.finfo(np.float16).max)
