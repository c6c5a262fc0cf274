"""Models of other people: what gives no matte of one image is refused, at the latest when it gives it."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from src.common.errors import ConfigError, ModelError
from src.programs import infer
from src.runtime.factory import open_predictor
from src.runtime.openvino_runtime import open_openvino
from src.runtime.options import RuntimeOptions
from tests.support.programs import ROOT, run_main

GIVEN = {"mean": (0.5,) * 3, "std": (0.5,) * 3, "ref_size": 64, "multiple": 32, "color": "RGB"}
BOTH = pytest.mark.parametrize("package", ["onnxruntime", "openvino"])
IMAGE = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)


def constant(name: str, values, dtype=np.float32):
    return onnx.numpy_helper.from_array(np.array(values, dtype), name)


def model(path, nodes, output, constants=(), inputs=1, declared=None):
    """An ONNX file of float32 images; `output`: the shape that it declares (None: none), `declared` that of `x`."""
    sides = declared or ["n", 3, "h", "w"]
    ins = [helper.make_tensor_value_info(name, TensorProto.FLOAT, sides) for name in ("x", "src")[:inputs]]
    outs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)]
    graph = helper.make_graph([helper.make_node(*n[:3], **n[3]) for n in nodes], "g", ins, outs, list(constants))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


MEAN = ("ReduceMean", ["x"], ["y"], {"axes": [1]})


def opened(path, package):
    if package == "onnxruntime":
        return open_predictor(path, preprocess=GIVEN)[0]
    predictor = open_openvino(path, RuntimeOptions(preprocess=GIVEN))[0]
    predictor.source = str(path)
    return predictor


@BOTH
def test_a_foreign_matting_network_is_used(tmp_path, package):
    path = model(tmp_path / "m.onnx", [MEAN], ["n", 1, "h", "w"])
    matte = opened(path, package).predict(IMAGE)
    expected = np.clip((IMAGE / 255 - 0.5).mean(2) / 0.5, 0, 1)
    np.testing.assert_allclose(matte, expected, atol=1e-5)


@BOTH
@pytest.mark.parametrize(
    ("nodes", "output", "inputs", "message"),
    [
        ([("Identity", ["x"], ["y"], {})], ["n", 3, "h", "w"], 1, r"output of .*m\.onnx is \[\?, 3, \?, \?\]"),
        ([("ReduceMean", ["x"], ["y"], {"axes": [2, 3], "keepdims": 0})], ["n", 3], 1, r"is \[\?, 3\], expected"),
        ([("Add", ["x", "src"], ["z"], {}), ("ReduceMean", ["z"], ["y"], {"axes": [1]})], ["n", 1, "h", "w"], 2,
         r"takes 2 inputs \(x, src\), expected is one"),
    ],
    ids=["colours", "classifier", "two inputs"],
)  # fmt: skip
def test_what_is_declared_otherwise_is_refused_at_opening(tmp_path, package, nodes, output, inputs, message):
    path = model(tmp_path / "m.onnx", nodes, output, inputs=inputs)
    with pytest.raises(ModelError, match=message):
        opened(path, package)


@BOTH
@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([("Identity", ["x"], ["y"], {})], r"\[\?, 3, \?, \?\]"),
        ([("ReduceMean", ["x"], ["y"], {"axes": [2, 3], "keepdims": 0})], r"\[\?, 3\]"),
        ([("MaxPool", ["x"], ["z"], {"kernel_shape": [2, 2], "strides": [2, 2]}),
          ("ReduceMean", ["z"], ["y"], {"axes": [1]})], r"\[1, 1, 32, 48\]"),
    ],
    ids=["colours", "classifier", "half size"],
)  # fmt: skip
def test_what_declares_nothing_is_refused_at_the_latest_at_the_first_image(tmp_path, package, nodes, message):
    path = model(tmp_path / "m.onnx", nodes, None)
    with pytest.raises(ModelError, match=rf"{message}.* expected is the matte \[N, 1, H, W\]"):
        opened(path, package).predict(IMAGE)


@BOTH
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_matte_that_is_not_finite_is_refused(tmp_path, package, value):
    nodes = [("ReduceMean", ["x"], ["z"], {"axes": [1]}), ("Mul", ["z", "c"], ["y"], {})]
    path = model(tmp_path / "m.onnx", nodes, ["n", 1, "h", "w"], [constant("c", value)])
    with pytest.raises(ModelError, match=r"m\.onnx gives a matte that is NaN or infinite in 6144 of 6144 pixels"):
        opened(path, package).predict(IMAGE)


@BOTH
def test_an_input_that_a_network_cannot_compute_is_one_error(tmp_path, package):
    nodes = [("Add", ["x", "c"], ["z"], {}), ("ReduceMean", ["z"], ["y"], {"axes": [1]})]
    path = model(tmp_path / "m.onnx", nodes, ["n", 1, "h", "w"], [constant("c", np.zeros((1, 3, 32, 32)))])
    with pytest.raises(ModelError, match=r"m\.onnx cannot compute an input of .*\[1, 3, 64, 96\]"):
        opened(path, package).predict(IMAGE)


def test_as_a_program(tmp_path):
    path = model(tmp_path / "m.onnx", [("Identity", ["x"], ["y"], {})], None)
    given = ["--mean", 0, 0, 0, "--std", 1, 1, 1, "--ref_size", 64, "--multiple", 32, "--color", "RGB"]
    call = ["--model", path, "--input", ROOT / "docs/astronaut.jpg", "--output", tmp_path / "out"]
    assert "expected is the matte [N, 1, H, W]" in run_main(infer.main, *call, *given, "--no-flip").assert_refused()
    given[1] = "nan"
    done = run_main(infer.main, *call, *given)
    assert done.status == 2 and "argument --mean: expected a finite number, got 'nan'" in done.err


@pytest.mark.parametrize("values", [{"mean": (np.nan, 0, 0)}, {"std": (1, np.inf, 1)}])
def test_numbers_for_the_input_are_finite_whatever_the_model_says(values):
    with pytest.raises(ConfigError, match="must be three finite numbers"):
        RuntimeOptions(preprocess=values)
