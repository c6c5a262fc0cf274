"""ONNX models against numbers computed by hand and against MindSpore: every layer's rule, and what is folded away."""

from collections import Counter

import cv2
import mindspore as ms
import numpy as np
import onnx
import onnxruntime
import pytest
from mindspore import nn
from onnx import numpy_helper

from src.common.errors import ConfigError, NetworkError
from src.deploy.onnx_model import onnx_model
from src.deploy.options import OPSET, OPSETS, parse_shape
from src.model_file.contract import CONTRACT_KEY, Contract
from src.models.build import build_network
from src.models.layers import Concat, Conv2d, NormAct, SqueezeExcite
from src.models.maps import Downsample, ToLayout
from src.models.units import ConvNormAct, MatteHead
from src.spec.activations import activations
from src.spec.blocks import Norm
from src.spec.mmnet import mmnet_spec
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_network, standard_spec

CONTRACT = Contract(Preprocess(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0)), "modnet", "{}", {"file": "a.ckpt"})


def run(model: onnx.ModelProto, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(model.SerializeToString()).run(["output"], {"input": x})[0]


def kinds(model: onnx.ModelProto) -> Counter:
    return Counter(node.op_type for node in model.graph.node)


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


class Layers(nn.Cell):
    """Layers one after another, and a head for the `head` channels that come out of them."""

    def __init__(self, *layers: nn.Cell, head: int = 0) -> None:
        super().__init__()
        self.to_layout = ToLayout()
        self.layers = nn.SequentialCell([*layers, MatteHead(head, 1)] if head else list(layers))

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.layers(self.to_layout(x))


def randomise(network: nn.Cell) -> nn.Cell:
    rng = np.random.default_rng(1)
    for parameter in network.get_parameters():
        parameter.set_data(ms.Tensor(rng.uniform(0.4, 1.6, parameter.shape).astype(np.float32)))
    return network.set_train(False)


def matte_of(network: Layers, y: np.ndarray) -> np.ndarray:
    """What the head makes of the map [C, ...] before it, in numpy."""
    conv = network.layers[-1].conv
    return 1 / (1 + np.exp(-(conv.weight.asnumpy()[0, :, 0, 0] @ y + conv.bias.asnumpy()[0])))


def same(network: nn.Cell, x: np.ndarray, model: onnx.ModelProto | None = None) -> float:
    """Largest difference between a network that ends in a matte and its ONNX model."""
    return np.abs(run(model or onnx_model(network, CONTRACT), x) - network(ms.Tensor(x)).asnumpy()).max()


def test_batch_norm_and_bias_fold_into_the_weights():
    network = randomise(Layers(ConvNormAct(3, Norm(2, 0), 1, bias=True, act="none"), head=2))
    model = onnx_model(network, CONTRACT)
    assert kinds(model) == {"Conv": 2, "Sigmoid": 1, "Identity": 1}
    unit = network.layers[0]
    w, b = unit.conv.weight.asnumpy()[:, :, 0, 0], unit.conv.bias.asnumpy()
    bn = unit.norm.bnorm
    gamma, beta, mean, variance = (
        p.asnumpy() for p in (bn.gamma, bn.beta, bn.moving_mean, bn.moving_variance)
    )  # fmt: skip
    x = np.array([1, -2, 3], np.float32)
    y = (w @ x + b - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    np.testing.assert_allclose(run(model, x.reshape(1, 3, 1, 1)), [[[[matte_of(network, y)]]]], atol=1e-6)


def test_ibnorm_is_one_instance_norm_blended_by_a_mask():
    network = randomise(Layers(ConvNormAct(3, Norm(1, 2), 1, act="relu"), head=3))
    model = onnx_model(network, CONTRACT)
    assert Counter({"InstanceNormalization": 1, "Mul": 1, "Add": 1, "Relu": 1, "Conv": 2}) <= kinds(model)
    assert not kinds(model)["Split"] and not kinds(model)["Concat"]
    x = noise(2, 3, 4, 5)
    unit = network.layers[0]
    y = np.einsum("oc,nchw->nohw", unit.conv.weight.asnumpy()[:, :, 0, 0], x)
    bn = unit.norm.bnorm
    first = (y[:, :1] - bn.moving_mean.asnumpy()) / np.sqrt(bn.moving_variance.asnumpy() + 1e-5)
    first = first * bn.gamma.asnumpy() + bn.beta.asnumpy()
    rest = y[:, 1:] - y[:, 1:].mean((2, 3), keepdims=True)
    rest /= np.sqrt((rest**2).mean((2, 3), keepdims=True) + 1e-5)
    y = np.maximum(np.concatenate([first, rest], 1), 0)
    expected = matte_of(network, y.transpose(1, 0, 2, 3).reshape(3, -1)).reshape(2, 1, 4, 5)
    np.testing.assert_allclose(run(model, x), expected, atol=5e-6)


def test_a_norm_that_follows_no_convolution_keeps_its_scale_and_shift():
    class Shared(nn.Cell):
        """The convolution's output is used twice: nothing may fold into it."""

        def __init__(self) -> None:
            super().__init__()
            self.to_layout, self.conv = ToLayout(), Conv2d(3, 2, 1)
            self.norm, self.join, self.head = NormAct(Norm(2, 0), "relu6"), Concat(False, False), MatteHead(4, 1)

        def construct(self, x: ms.Tensor) -> ms.Tensor:
            y = self.conv(self.to_layout(x))
            return self.head(self.join(y, self.norm(y)))

    network = randomise(Shared())
    assert same(network, noise(1, 3, 8, 8)) < 1e-6
    assert kinds(onnx_model(network, CONTRACT))["Mul"] == 1


@pytest.mark.parametrize(
    "conv",
    [
        {"kernel": 3},
        {"kernel": 3, "stride": 2},
        {"kernel": 3, "stride": 2, "same_padding": True},
        {"kernel": 5, "stride": 2, "same_padding": True},
        {"kernel": 3, "dilation": 4},
    ],
)
def test_padding_of_convolutions(conv):
    conv = Conv2d(3, 2, **conv)
    network = randomise(Layers(conv, head=2))
    assert same(network, noise(2, 3, 16, 24)) < 1e-6


def test_other_layers_one_by_one():
    network = randomise(Layers(SqueezeExcite(3, 2), head=3))
    assert same(network, noise(2, 3, 8, 4)) < 1e-6

    class Shrunk(nn.Cell):
        def __init__(self, factor: int) -> None:
            super().__init__()
            self.down, self.to_layout, self.head = Downsample(factor), ToLayout(), MatteHead(3, 1)

        def construct(self, x: ms.Tensor) -> ms.Tensor:
            return self.head(self.to_layout(self.down(x)))

    for factor in (2, 4):
        assert same(randomise(Shrunk(factor)), noise(1, 3, 16, 32)) < 1e-6


@pytest.mark.parametrize("legacy", [False, True])
def test_wide_convolutions_multiply_before_they_upsample(legacy):
    """64 channels to 2: 9 * 64 * 2 products for each small pixel instead of four times as many."""
    wide = ConvNormAct(64, Norm(1, 1), 3, bias=True)
    network = randomise(Layers(Conv2d(3, 64, 1), Concat(True, legacy=legacy), wide, head=2))
    model = onnx_model(network, CONTRACT)
    assert kinds(model)["Resize"] == 1
    assert [n.name for n in model.graph.node if n.op_type == "Conv"][1:4] == [
        "layers.2.conv/taps", "layers.2.conv/shift", "layers.2.conv"
    ]  # fmt: skip
    assert same(network, noise(2, 3, 8, 12), model) < 5e-5


def test_narrow_convolutions_upsample_first():
    network = randomise(Layers(Conv2d(3, 4, 1), Concat(True), Conv2d(4, 4, 3), head=4))
    model = onnx_model(network, CONTRACT)
    assert kinds(model) == {"Conv": 3, "Resize": 1, "Sigmoid": 1, "Identity": 1}
    assert same(network, noise(1, 3, 8, 8), model) < 1e-6


@pytest.mark.slow
def test_the_whole_network():
    network = narrow_network()
    model = onnx_model(network, CONTRACT)
    assert model.opset_import[0].version == OPSET >= 17
    assert [i.name for i in model.graph.input] + [o.name for o in model.graph.output] == ["input", "output"]
    assert not kinds(model)["BatchNormalization"] and not kinds(model)["Split"]
    assert kinds(model)["InstanceNormalization"] == 15  # one for each IBNorm that is deployed
    for shape in ((1, 3, 64, 96), (3, 3, 32, 32)):
        assert same(network, noise(*shape), model) < 2e-6


def test_the_paper_s_network_has_one_operator_where_it_can():
    model = onnx_model(build_network(standard_spec()).set_train(False), CONTRACT)
    counts = kinds(model)
    assert counts["Conv"] == 52 + 17 + 2 + 2  # encoder, branches, gate, and two more for one late upsampling
    assert (counts["Resize"], counts["Sigmoid"], counts["Clip"]) == (8, 2, 35)


@pytest.mark.slow
def test_mmnet():
    network = randomise(build_network(mmnet_spec()))
    assert same(network, noise(1, 3, 64, 96)) < 1e-5


def test_an_unknown_layer_is_named():
    class Strange(nn.Cell):
        def construct(self, x: ms.Tensor) -> ms.Tensor:
            return x

        def out_shape(self, x: tuple) -> tuple:
            return x

    with pytest.raises(NetworkError, match=r"'layers\.0' is a Strange, .*Conv2d.*src/deploy/emitters\.py"):
        onnx_model(Layers(Strange()), CONTRACT)


@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_pixels_in(color):
    contract = Contract(Preprocess(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0), color=color))
    network = narrow_network()
    model = onnx_model(network, contract, (-1, 3, -1, 64), with_preprocess=True)
    declared = model.graph.input[0].type.tensor_type
    assert declared.elem_type == onnx.TensorProto.UINT8
    assert [d.dim_param or d.dim_value for d in declared.shape.dim] == ["batch", "height", 64, 3]
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 64, 3), np.uint8)
    x = ((pixels / 255 - [0.5, 0.25, 0]) / [0.5, 0.25, 1]).astype(np.float32).transpose(0, 3, 1, 2)
    x = np.ascontiguousarray(x[:, ::-1] if color == "BGR" else x)
    np.testing.assert_allclose(run(model, pixels), network(ms.Tensor(x)).asnumpy(), atol=5e-6)


def test_channels_last_in():
    network = narrow_network()
    model = onnx_model(network, CONTRACT, (1, 3, -1, 64), channels_last=True)
    declared = model.graph.input[0].type.tensor_type
    assert declared.elem_type == onnx.TensorProto.FLOAT
    assert [d.dim_param or d.dim_value for d in declared.shape.dim] == [1, "height", 64, 3]
    x = noise(1, 3, 32, 64)
    expected = network(ms.Tensor(x)).asnumpy()
    np.testing.assert_allclose(run(model, x.transpose(0, 2, 3, 1)), expected, atol=5e-6)


def test_fixed_shape_and_contract_stand_in_the_file():
    model = onnx_model(narrow_network(), CONTRACT, (1, 3, 96, 64))
    sides = [[d.dim_value for d in t.type.tensor_type.shape.dim] for t in (model.graph.input[0], model.graph.output[0])]
    assert sides == [[1, 3, 96, 64], [1, 1, 96, 64]]
    assert {p.key: p.value for p in model.metadata_props} == {CONTRACT_KEY: CONTRACT.to_json()}


@pytest.mark.parametrize("form", [{}, {"channels_last": True}, {"with_preprocess": True}])
@pytest.mark.parametrize("color", ["RGB", "BGR"])
def test_opencv_computes_the_same(form, color, tmp_path):
    """Its parser is stricter than onnxruntime's: it wants attributes that ONNX lets out."""
    contract = Contract(Preprocess(mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 1.0), color=color))
    model = onnx_model(narrow_network(), contract, (1, 3, 64, 96), **form)
    assert all(
        any(a.name == "kernel_shape" for a in node.attribute) for node in model.graph.node if node.op_type == "Conv"
    )
    x = noise(1, 64, 96, 3) if form else noise(1, 3, 64, 96)
    if "with_preprocess" in form:
        x = (127 + 127 * x).astype(np.uint8)
    onnx.save(model, tmp_path / "m.onnx")
    network = cv2.dnn.readNetFromONNX(str(tmp_path / "m.onnx"))
    network.setInput(x.astype(np.float32))  # OpenCV's blobs are of float32
    assert np.abs(network.forward() - run(model, x)).max() < 1e-4


@pytest.mark.parametrize("opset", OPSETS)
def test_every_opset_computes_the_same(opset, tmp_path):
    network, x = narrow_network(), noise(1, 3, 64, 96)
    model = onnx_model(network, CONTRACT, opset=opset)
    assert model.opset_import[0].version == opset and same(network, x, model) < 2e-6
    onnx.save(onnx_model(network, CONTRACT, (1, 3, 64, 96), opset=opset), tmp_path / "m.onnx")
    opencv = cv2.dnn.readNetFromONNX(str(tmp_path / "m.onnx"))
    opencv.setInput(x)
    assert np.abs(opencv.forward() - run(model, x)).max() < 1e-4


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("act", activations())
def test_opencv_knows_every_activation(act, opset, tmp_path):
    network = randomise(Layers(ConvNormAct(3, Norm(2, 2), 3, act=act), head=4))
    model = onnx_model(network, CONTRACT, (1, 3, 8, 12), opset=opset)
    assert same(network, noise(1, 3, 8, 12), model) < 1e-6
    onnx.save(model, tmp_path / "m.onnx")
    network, x = cv2.dnn.readNetFromONNX(str(tmp_path / "m.onnx")), noise(1, 3, 8, 12)
    network.setInput(x)
    assert np.abs(network.forward() - run(model, x)).max() < 1e-4


def test_weights_are_float32():
    model = onnx_model(narrow_network(), CONTRACT)
    assert {numpy_helper.to_array(t).dtype for t in model.graph.initializer} == {np.dtype("float32")}


def test_shapes_as_text():
    assert parse_shape("1,3,480,288", 32) == (1, 3, 480, 288)
    assert parse_shape("-1,3,-1,64", 32) == (-1, 3, -1, 64)
    for text in ("1,3,480", "1,4,480,288", "a,3,32,32", "1,3,0,32", "1,3,32,-2"):
        with pytest.raises(ConfigError, match=f"N,3,H,W .*{text}"):
            parse_shape(text, 32)
    with pytest.raises(ConfigError, match="multiples of 32, got 280"):
        parse_shape("1,3,480,280", 32)
