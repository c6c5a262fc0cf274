"""How much of its signal each convolution loses when its own maps and weights are rounded to 8 bits."""

from collections.abc import Iterable, Iterator

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LEVELS = 127  # of a symmetric 8-bit weight


def signal_to_noise(model: onnx.ModelProto, inputs: Iterable[np.ndarray]) -> dict[str, float]:
    """Decibels for each convolution, by name: -10 log10 of the mean over channels of noise to signal.

    A channel's signal is the sum of y^2 over all `inputs`, its noise that of (y - rounded y)^2. Channels count alike,
    because a large one may drown the others when all are rounded with one step. Everything before the convolution
    stays in float, so that the noise is its own. Maps are rounded over their range on the image at hand, weights
    over that of each output channel: what an int8 runtime does at best.
    """
    import onnxruntime

    probe, names = _probe(model)
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3  # errors only
    session = onnxruntime.InferenceSession(probe.SerializeToString(), settings, ["CPUExecutionProvider"])
    key = session.get_inputs()[0].name
    outputs = [f"{name}/{part}" for name in names for part in ("signal", "noise")]
    runs = [session.run(outputs, {key: x}) for x in inputs]
    sums = [np.sum(column, axis=0, dtype=np.float64) for column in zip(*runs, strict=True)]
    return {name: _decibels(*sums[2 * i : 2 * i + 2]) for i, name in enumerate(names)}


def _decibels(signal: np.ndarray, noise: np.ndarray) -> float:
    ratio = np.divide(noise, signal, out=np.zeros_like(noise), where=signal > 0).mean()
    return float(-10 * np.log10(ratio)) if ratio > 0 else np.inf


def _probe(model: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The model with, beside each convolution, its rounded copy and the two sums; and the convolutions' names."""
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    constants = {constant.name: constant for constant in model.graph.initializer}
    names = []
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1] in constants:
            probe.graph.node.extend(_rounded(node))
            weight = numpy_helper.to_array(constants[node.input[1]])
            probe.graph.initializer.append(numpy_helper.from_array(rounded_weight(weight), f"{node.name}/weight8"))
            names.append(node.name)
    for name in names:
        for part in ("signal", "noise"):
            probe.graph.output.append(helper.make_tensor_value_info(f"{name}/{part}", TensorProto.FLOAT, None))
    return probe, names


def _rounded(node: onnx.NodeProto) -> Iterator[onnx.NodeProto]:
    name = node.name
    yield from _rounded_map(node.input[0], f"{name}/x")
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.name = copy.output[0] = f"{name}/from8"
    copy.input[0], copy.input[1] = f"{name}/x", f"{name}/weight8"
    yield copy
    yield from _rounded_map(f"{name}/from8", f"{name}/y")
    yield helper.make_node("Sub", [node.output[0], f"{name}/y"], [f"{name}/difference"])
    for part, values in (("signal", node.output[0]), ("noise", f"{name}/difference")):
        yield helper.make_node("ReduceSumSquare", [values], [f"{name}/{part}"], axes=[0, 2, 3], keepdims=0)


def _rounded_map(source: str, target: str) -> Iterator[onnx.NodeProto]:
    parts = [f"{target}/{part}" for part in ("integers", "scale", "zero")]
    yield helper.make_node("DynamicQuantizeLinear", [source], parts)
    yield helper.make_node("DequantizeLinear", parts, [target])


def rounded_weight(weight: np.ndarray) -> np.ndarray:
    """float32 [out, in, k, k] at the nearest of 255 evenly spaced values of each output channel."""
    scale = np.abs(weight).max(axis=(1, 2, 3), keepdims=True) / _LEVELS
    return (np.rint(weight / np.where(scale == 0, 1, scale)) * scale).astype(np.float32)
