"""A network in inference mode -> a checked ONNX model with its contract inside."""

from dataclasses import replace

import numpy as np
import onnx
from mindspore import nn
from onnx import TensorProto, helper

from ..model_file.contract import CONTRACT_KEY, Contract
from ..models.graph import trace
from ..spec.preprocess import Preprocess
from .emitters import Emission
from .onnx_graph import OnnxGraph
from .options import ANY_SHAPE, OPSET, Shape

_IR_VERSIONS = {11: 6, 13: 7, 17: 8}  # those that came with the opsets: runtimes of that time read both
_SIDES = ("batch", "channels", "height", "width")


def onnx_model(
    network: nn.Cell,
    contract: Contract,
    shape: Shape = ANY_SHAPE,
    with_preprocess: bool = False,
    channels_last: bool = False,
    unit_range: bool = False,
    *,
    opset: int = OPSET,
) -> onnx.ModelProto:
    """Write a network as ONNX.

    Args:
        network: in inference mode.
        contract: what the file says of itself; its pre-processing is the one that is put inside.
        shape: (batch, 3, height, width) of its input, -1 where any is taken.
        with_preprocess: the input is uint8 RGB [N, H, W, 3] and is normalised inside.
        channels_last: the normalised input is float32 [N, H, W, 3].
        unit_range: the input is float32 RGB [N, 3, H, W] in [0, 1] and is normalised inside; the contract says so.
        opset: version of the operators, one of `OPSETS`.

    Returns:
        A model with input `input` and output `output` (matte [N, 1, H, W] in [0, 1]), checked by onnx's checker and
        its shape inference.
    """
    emission = Emission(trace(network))
    image = "input"
    if with_preprocess:
        pixels = emission.onnx.op("Cast", [image], "preprocess/float", to=TensorProto.FLOAT)
        image = _normalise(emission.onnx, _channels_first(emission.onnx, pixels), contract.preprocess, 255)
    elif unit_range:
        image = _normalise(emission.onnx, image, contract.preprocess)
        plain = replace(contract.preprocess, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), color="RGB")
        contract = replace(contract, preprocess=plain)
    elif channels_last:
        image = _channels_first(emission.onnx, image)
    (matte,) = emission.run(image)
    emission.onnx.op("Identity", [matte], "output")
    kind = TensorProto.UINT8 if with_preprocess else TensorProto.FLOAT
    batch, channels, height, width = _named(shape)
    last = with_preprocess or channels_last
    given = [batch, height, width, channels] if last else [batch, channels, height, width]
    image = helper.make_tensor_value_info("input", kind, given)
    matte = helper.make_tensor_value_info("output", TensorProto.FLOAT, [batch, 1, height, width])
    model = _model(emission.onnx, contract.network or "network", image, [matte], opset)
    helper.set_model_props(model, {CONTRACT_KEY: contract.to_json()})
    return _checked(model)


def training_model(network: nn.Cell) -> onnx.ModelProto:
    """Write a network in training mode: normalised [N, 3, H, W] in, all that it returns then out, in its order."""
    emission = Emission(trace(network))
    outputs = emission.run("input")
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, _named(ANY_SHAPE))
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    return _checked(onnx.shape_inference.infer_shapes(_model(emission.onnx, "training", image, found)))


def _channels_first(graph: OnnxGraph, x: str) -> str:
    return graph.op("Transpose", [x], "preprocess/transpose", perm=[0, 3, 1, 2])


def _normalise(graph: OnnxGraph, x: str, pre: Preprocess, white: int = 1) -> str:
    """(value / white - mean) / std of RGB [N, 3, H, W], in the network's channel order."""
    mean, std = np.array(pre.mean), np.array(pre.std)
    x = graph.op("Mul", [x, graph.channel_constant("preprocess.scale", 1 / (white * std))], "preprocess/scale")
    x = graph.op("Add", [x, graph.channel_constant("preprocess.shift", -mean / std)], "preprocess/shift")
    if pre.color == "RGB":
        return x
    return graph.op("Gather", [x, graph.constant("preprocess.order", np.array([2, 1, 0]))], "preprocess/color", axis=1)


def _named(shape: Shape) -> list[int | str]:
    """The sides, those that are free by their names."""
    return [name if side == -1 else side for name, side in zip(_SIDES, shape, strict=True)]


def _model(
    graph: OnnxGraph, name: str, image: onnx.ValueInfoProto, outputs: list[onnx.ValueInfoProto], opset: int = OPSET
) -> onnx.ModelProto:
    if opset < OPSET:
        _for_older(graph)
    body = helper.make_graph(graph.nodes, name, [image], outputs, list(graph.constants.values()))
    return helper.make_model(
        body, opset_imports=[helper.make_opsetid("", opset)], ir_version=_IR_VERSIONS[opset], producer_name="modnet"
    )


def _for_older(graph: OnnxGraph) -> None:
    """Write for opsets 11 and 13: HardSwish came with 14; a Resize had to have a region of interest before 13."""
    nodes, graph.nodes = graph.nodes, []
    for node in nodes:
        if node.op_type == "HardSwish":
            gate = graph.op("HardSigmoid", list(node.input), f"{node.name}/gate", alpha=1 / 6, beta=0.5)
            node = helper.make_node("Mul", [node.input[0], gate], list(node.output), node.name)
        graph.nodes.append(node)
        if node.op_type == "Resize" and not node.input[1]:
            node.input[1] = graph.constant("no_roi", np.zeros(0, np.float32))


def _checked(model: onnx.ModelProto) -> onnx.ModelProto:
    onnx.checker.check_model(model, full_check=True)  # with strict shape inference
    return model
