"""NNCF behind quantize.py: layers that stay in float, and where its progress bars go."""

import contextlib
import io

import numpy as np
import pytest

from src.quant.openvino_int8 import OpenVinoInt8
from src.quant.options import QuantizationJob, Variant
from src.quant.source import open_source
from src.runtime.openvino_runtime import openvino_core


@pytest.mark.slow
def test_layers_kept_in_float_by_openvino(narrow_models, tmp_path):
    source = open_source(QuantizationJob(str(narrow_models[".onnx"])), tmp_path)
    inputs = [np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)]
    backend = OpenVinoInt8(source, Variant(bias_correction="off"), inputs)
    convolutions = [node.name for node in source.model.graph.node if node.op_type == "Conv"]
    assert set(backend.layers) == set(convolutions)
    kept = "hr_branch.conv_hr4x.1.conv"
    backend.write(tmp_path / "kept.xml", source.contract, [kept])
    model = openvino_core().read_model(tmp_path / "kept.xml")
    inputs_of = {
        op.get_friendly_name().removesuffix("/WithoutBiases"): op.input_value(0).get_node().get_type_name()
        for op in model.get_ops()
        if op.get_type_name() == "Convolution"
    }
    assert inputs_of[kept] != "FakeQuantize"
    assert sum(kind == "FakeQuantize" for kind in inputs_of.values()) > 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.slow
@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_progress_bars_are_for_a_terminals_stderr(narrow_models, tmp_path, stream):
    source = open_source(QuantizationJob(str(narrow_models[".onnx"])), tmp_path)
    inputs = [np.zeros((1, 3, 64, 64), np.float32)]
    with contextlib.redirect_stdout(stream()) as out, contextlib.redirect_stderr(stream()) as err:
        OpenVinoInt8(source, Variant(bias_correction="off"), inputs).write(tmp_path / "m.xml", source.contract, [])
    assert out.getvalue() == ""
    assert ("Statistics collection" in err.getvalue()) == (stream is Terminal)
