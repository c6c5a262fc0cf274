"""One table of activations; whoever asks for another one is told so, wherever it is."""

import json
from dataclasses import replace

import mindspore as ms
import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from src.backend.cpu_ops.operators import NormOp
from src.common.errors import CheckpointError, NetworkError
from src.deploy.onnx_graph import OnnxGraph
from src.models.layers import NormAct
from src.spec import activations as table
from src.spec.activations import Activation, activations, find_activation, register_activation
from src.spec.blocks import Norm
from src.spec.mmnet import MultiBranchSpec
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.narrow import narrow_spec

X = np.array([-7, -3, -2, -0.5, 0, 0.5, 2, 3, 6, 7.5], np.float32)
BY_HAND = {
    "none": X,
    "relu": np.maximum(X, 0),
    "relu6": np.clip(X, 0, 6),
    "hswish": X * np.clip(X + 3, 0, 6) / 6,
    "leaky_relu": np.where(X < 0, 0.01 * X, X),
    "silu": X / (1 + np.exp(-X)),
}


def run_onnx(activation: Activation) -> np.ndarray:
    graph = OnnxGraph()
    graph.op("Identity", [activation.onnx(graph, "x", "act")], "y")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [len(X)]) for name in ("x", "y")]
    body = helper.make_graph(graph.nodes, "one", ends[:1], ends[1:], list(graph.constants.values()))
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return onnxruntime.InferenceSession(model.SerializeToString()).run(["y"], {"x": X})[0]


def test_every_activation_is_tested_by_hand():
    assert set(activations()) == set(BY_HAND)


@pytest.mark.parametrize("name", BY_HAND)
def test_mindspore_and_onnx_compute_the_same(name: str):
    activation = find_activation(name)
    np.testing.assert_allclose(activation.cell()(ms.Tensor(X)).asnumpy(), BY_HAND[name], atol=1e-6)
    np.testing.assert_allclose(run_onnx(activation), BY_HAND[name], atol=1e-6)


def test_an_unknown_one_is_refused_everywhere():
    spec = narrow_spec()
    text = json.loads(spec_to_json(spec))
    text["encoder"]["act"] = "relu66"
    for make in (
        lambda: find_activation("relu66"),
        lambda: replace(spec.encoder, act="relu66"),
        lambda: MultiBranchSpec((4,), (1,), 4, act="relu66"),
        lambda: NormAct(Norm(4, 0), "relu66"),
        lambda: NormOp(4, act="relu66"),
    ):
        with pytest.raises(NetworkError, match=r"no activation 'relu66'\. Did you mean `relu6`"):
            make()
    with pytest.raises(CheckpointError, match=r"cannot be built here\. There is no activation 'relu66'"):
        spec_from_json(json.dumps(text))


def test_the_native_norm_refuses_what_it_does_not_compute():
    with pytest.raises(NetworkError, match="does not compute the activation 'hswish'"):
        NormOp(4, act="hswish")


def test_one_of_your_own(monkeypatch):
    monkeypatch.setattr(table, "_ACTIVATIONS", dict(table._ACTIVATIONS))
    own = Activation("softsign", ms.nn.Softsign, lambda graph, x, name: graph.op("Softsign", [x], name))
    assert register_activation(own) is register_activation(own) is find_activation("softsign")
    x = ms.Tensor(X.reshape(1, 1, -1, 1))  # one channel in either layout
    cell = NormAct(Norm(1, 0), "softsign", eps=0.0).set_train(False)
    np.testing.assert_allclose(cell(x).asnumpy().ravel(), X / (1 + np.abs(X)), atol=1e-5)
    np.testing.assert_allclose(run_onnx(own), X / (1 + np.abs(X)), atol=1e-6)
    with pytest.raises(NetworkError, match="an activation `relu` already"):
        register_activation(replace(own, name="relu"))


def test_files_with_the_default_stay_as_they_were():
    spec = narrow_spec()
    assert "act" not in json.loads(spec_to_json(spec))["encoder"]
    other = replace(spec, encoder=replace(spec.encoder, act="silu"))
    assert json.loads(spec_to_json(other))["encoder"]["act"] == "silu"
    assert spec_from_json(spec_to_json(other)) == other != spec
