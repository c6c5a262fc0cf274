"""Equalising instance-normalised channels: the same matte, even ranges, smaller errors in 8 bits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from src.imaging import read_image
from src.quant.equalise import _Weights, channel_ranges, equalise, instance_norms
from src.quant.noise import signal_to_noise
from src.quant.onnx_int8 import OnnxInt8
from src.quant.options import QuantizationJob, Variant
from src.quant.source import Source, open_source
from src.runtime.factory import open_predictor

SIZE, CHANNELS, NORMALISED = 16, 8, 4
LARGE = np.array([1, 1, 1, 1, 50, 90, 120, 180], np.float32)


def ibnorm_model(late: bool = False, tap: bool = False) -> onnx.ModelProto:
    """A convolution whose last channels are large, its IBNorm, and the head; `tap`: the large channels are seen.

    `late`: the 3x3 convolution takes an upsampled map and is written in parts, as export.py does.
    """
    rng = np.random.default_rng(0)
    constants = {
        "bias": LARGE * rng.uniform(-1, 1, CHANNELS),
        "normalised": np.arange(CHANNELS) >= CHANNELS - NORMALISED,
        "zeros": np.zeros(CHANNELS),
        "through": (np.arange(CHANNELS) < CHANNELS - NORMALISED).reshape(1, -1, 1, 1),
        "head": rng.standard_normal((1, CHANNELS, 1, 1)) / 4,
    }
    weight = rng.standard_normal((CHANNELS, 3, 3, 3)) * LARGE[:, None, None, None] / 3
    if late:
        constants |= {
            "taps.w": weight.transpose(2, 3, 0, 1).reshape(9 * CHANNELS, 3, 1, 1),
            "scales": np.array([1, 1, 2, 2]),
            "shift.w": np.eye(9).repeat(CHANNELS, axis=0).reshape(-1, 1, 3, 3),
            "sum.w": np.tile(np.eye(CHANNELS), 9)[:, :, None, None],
        }
        nodes = [
            helper.make_node("Conv", ["input", "taps.w"], ["taps"], "taps"),
            helper.make_node("Resize", ["taps", "", "scales"], ["up"], "up", mode="linear"),
            helper.make_node("Conv", ["up", "shift.w"], ["shift"], "shift", group=9 * CHANNELS, pads=[1] * 4),
            helper.make_node("Conv", ["shift", "sum.w", "bias"], ["conv"], "conv"),
        ]
    else:
        constants["conv.w"] = weight
        nodes = [helper.make_node("Conv", ["input", "conv.w", "bias"], ["conv"], "conv", pads=[1] * 4)]
    nodes += [
        helper.make_node("InstanceNormalization", ["conv", "normalised", "zeros"], ["instance"], "instance"),
        helper.make_node("Mul", ["conv", "through"], ["kept"], "kept"),
        helper.make_node("Add", ["kept", "instance"], ["blend"], "blend"),
        helper.make_node("Relu", ["blend"], ["act"], "act"),
        helper.make_node("Conv", ["act", "head"], ["logit"], "logit"),
        helper.make_node("Sigmoid", ["logit"], ["output"], "output"),
    ]
    side = SIZE * (2 if late else 1)
    ends = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, SIZE, SIZE]),
            helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, side, side])]  # fmt: skip
    if tap:
        ends.append(helper.make_tensor_value_info("peak", TensorProto.FLOAT, [1, 1, 1, 1]))
        nodes.append(helper.make_node("ReduceMax", ["conv"], ["peak"], "peak"))
    values = [numpy_helper.from_array(np.asarray(v, np.float32), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def inputs_of(count: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32) for _ in range(count)]


def run(model: onnx.ModelProto, x: np.ndarray, name: str = "output") -> np.ndarray:
    import onnxruntime

    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    if name != "output":
        probe.graph.output.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, None))
    return onnxruntime.InferenceSession(probe.SerializeToString()).run([name], {"input": x})[0]


@pytest.mark.parametrize("late", [False, True])
def test_the_matte_stays_and_ranges_become_even(late):
    model, inputs = ibnorm_model(late), inputs_of()
    even, layers = equalise(model, inputs)
    assert layers == ["instance"]
    for x in inputs_of(6):
        assert np.abs(run(even, x) - run(model, x)).max() < 1e-4
    found = channel_ranges(even, ["conv"], inputs)["conv"]
    others = np.maximum(np.abs(found.low), np.abs(found.high))[:-NORMALISED].max()
    np.testing.assert_allclose(found.high[-NORMALISED:], others, rtol=1e-4)
    np.testing.assert_allclose(found.low[-NORMALISED:], -others, rtol=1e-4)
    before = channel_ranges(model, ["conv"], inputs)["conv"]
    np.testing.assert_allclose(found.high[:-NORMALISED], before.high[:-NORMALISED], rtol=1e-5)
    assert before.high.max() > 30 * others
    if late:  # the map of all taps is rounded too
        assert np.abs(run(model, inputs[0], "taps")).max() > 10 * np.abs(run(even, inputs[0], "taps")).max()


def test_eight_bits_lose_less():
    model, inputs = ibnorm_model(), inputs_of()
    even, _ = equalise(model, inputs)
    before, after = (signal_to_noise(m, inputs)["conv"] for m in (model, even))
    assert after > before + 15


def test_channels_that_something_else_sees_stay():
    model = ibnorm_model(tap=True)
    assert list(instance_norms(model)) == []
    assert equalise(model, inputs_of()) == (model, [])


def test_a_network_without_instance_norm_stays_as_it_is():
    model = ibnorm_model()
    plain = onnx.helper.make_model(model.graph)
    for node in plain.graph.node:
        if node.name == "instance":
            node.op_type = "Identity"
            del node.input[1:]
    assert equalise(plain, inputs_of())[1] == []


def test_a_channel_without_contrast_keeps_its_scale():
    """Where the variance is as small as `epsilon`, another scale would be another matte."""
    model, inputs = ibnorm_model(), [1e-4 * x for x in inputs_of()]
    even, _ = equalise(model, inputs)
    for x in inputs:
        assert np.abs(run(even, x) - run(model, x)).max() < 1e-3


def test_a_norm_whose_scaling_moves_the_matte_is_left_out(monkeypatch):
    from src.quant import equalise as module

    monkeypatch.setattr(module, "_EPSILON_SHARE", np.inf)  # any factor is allowed
    model, inputs = ibnorm_model(), [1e-4 * x for x in inputs_of()]
    found, layers = equalise(model, inputs)
    assert layers == [] and np.abs(run(found, inputs[0]) - run(model, inputs[0])).max() < 1e-6


def int8_error(source: Source, inputs: list[np.ndarray], expected: list[np.ndarray], path: Path) -> float:
    """Mean squared difference of the int8 file's mattes from the expected ones."""
    OnnxInt8(source, Variant(type="onnxruntime"), inputs).write(path, source.contract, [])
    predictor = open_predictor(path)[0]
    return float(np.mean([(predictor.run(x) - y) ** 2 for x, y in zip(inputs, expected, strict=True)]))


def test_a_whole_network_whose_normalised_channels_are_large(narrow_models, synthetic_set, tmp_path):
    """The narrow network, planted with channels 50 times as large in front of every instance norm: the same matte."""
    source = open_source(QuantizationJob(str(narrow_models[".onnx"])), tmp_path)
    files = sorted((synthetic_set / "train" / "blurred_image").iterdir())[:4]
    inputs = [source.predictor.prepare(read_image(file)) for file in files]
    inputs = [x[..., :64, :64] for x in inputs]
    expected = [source.predictor.run(x) for x in inputs]
    planted = onnx.ModelProto()
    planted.CopyFrom(source.model)
    norms = list(instance_norms(planted))
    assert len(norms) > 5
    for norm in norms:
        assert _Weights(planted).scale(norm.map, np.where(norm.on, 50, 1), np.zeros(len(norm.on)))
    even, layers = equalise(planted, inputs)
    assert layers == [norm.name for norm in norms]
    for x, y in zip(inputs, expected, strict=True):
        assert np.abs(run(even, x) - y).max() < 1e-3
    errors = {}
    for name, model in (("planted", planted), ("even", even)):
        onnx.save(model, tmp_path / f"{name}.onnx")
        changed = replace(source, path=tmp_path / f"{name}.onnx", model=model)
        errors[name] = int8_error(changed, inputs, expected, tmp_path / f"{name}_int8.onnx")
    assert errors["even"] < errors["planted"] / 3, errors
