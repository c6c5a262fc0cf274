"""Parameters and MACs against hand counts and against the dense network's golden table."""

import csv
import json
import math
import re
from collections import Counter
from dataclasses import replace

import mindspore as ms
import pytest
from mindspore import nn

from benchmarks.reference import golden
from src.checkpoint.conversion import compression_spec
from src.common.errors import NetworkError
from src.deploy.onnx_model import onnx_model
from src.model_file.contract import Contract
from src.models.build import build_network
from src.models.costs import Costs, count, weight_uses
from src.models.graph import trace
from src.models.layers import Concat, SqueezeExcite
from src.models.units import ConvNormAct
from src.runtime.openvino_runtime import openvino_core
from src.spec.blocks import Norm
from src.spec.mmnet import mmnet_spec
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_network, narrow_spec, standard_spec
from tests.support.narrow_mmnet import narrow_mmnet


@pytest.fixture(scope="module")
def dense():
    return count(build_network(standard_spec()))


def golden_rows() -> list[dict[str, str]]:
    with (golden.HERE / "dense_layers.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_totals_of_the_dense_network(dense):
    assert dense.parameters == 6_487_075  # published, cut, as 6.48 M
    assert dense.parameters_published == 6_452_243  # 6.45 M
    assert dense.macs == 15_465_971_712
    assert dense.macs_with_heads == 18_117_066_752
    assert dense.macs_published == 18_317_804_864  # published as 18.32 G


def test_every_convolution_of_the_dense_network(dense):
    """The table and the network list convolutions in the order of computation, but the table puts heads in place."""
    expected = sorted((int(r["params"]), int(r["macs"]), r["training_head_only"] == "1") for r in golden_rows())
    counted = []
    for layer in dense.layers:
        if layer.kind == "SqueezeExcite":  # two rows of the table
            counted += [(layer.parameters // 2, layer.macs // 2, False)] * 2
        elif layer.macs:
            counted.append((layer.parameters, layer.macs, layer.name not in dense.deployed))
    assert sorted(counted) == expected
    assert len(expected) == 74


def test_published_pruned_network():
    """The original authors' configuration: 4.38 G with heads, 4.5 G published, 3.66 G deployed, 1.369 M parameters."""
    info = {
        "ratio": 0.5,
        "threshold": 0.5,
        "new_cfg": [8, 8, 8, 16, 24, 16, 16, 48, 16, 16, 8, 32, 16, 32, 104, 32, 64, 232, 584],
        "new_expansion_cfg": [1, 9, 14, 4, 7, 9, 3, 7, 19, 22, 24, 15, 30, 17, 7, 26, 15],
        "new_lr_channels": [32, 16],
    }
    costs = count(build_network(compression_spec(info)))
    assert (costs.parameters, costs.parameters_published) == (1_368_619, 1_342_435)
    assert (costs.macs, costs.macs_with_heads) == (3_661_959_712, 4_383_674_912)
    assert round(costs.macs_published / 1e9, 2) == 4.50


def test_golden_pruned_network_has_the_parameters_of_its_file():
    shapes = json.loads((golden.HERE / "compression_pruned_keys.json").read_text())
    info = json.loads((golden.HERE / "compression_pruned_info.json").read_text())
    learned = [
        math.prod(shape)
        for name, shape in shapes
        if "lr_branch.backbone." not in name  # the file stores the backbone twice
        and not name.endswith(("running_mean", "running_var", "num_batches_tracked"))
    ]
    assert count(build_network(compression_spec(info))).parameters == sum(learned)


def test_mmnet_of_the_paper():
    """190,652 parameters; the auxiliary head's multiplications are training's alone."""
    costs = count(build_network(mmnet_spec()), 256, 256)
    assert costs.parameters == 190_652
    assert costs.macs_with_heads - costs.macs == 2 * 80 * 16 * 16


class Small(nn.Cell):
    """Every cost by hand: 3 -> 4 channels 3x3 stride 2 with bias and IBNorm(1 + 3), gate of 2, upsampled."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = ConvNormAct(3, Norm(1, 3), 3, stride=2, bias=True)
        self.gate = SqueezeExcite(4, 2)
        self.up = Concat(True)
        self.depthwise = ConvNormAct(4, Norm(4, 0), 5, group=4, act="none")

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.depthwise(self.up(self.gate(self.conv(x))))


def test_small_network_by_hand():
    costs = count(Small(), 32, 64)
    rows = {layer.name: (layer.widths, layer.parameters, layer.macs, layer.extras) for layer in costs.layers}
    assert rows == {
        "conv.conv": ((4,), 4 * 3 * 9 + 4, 4 * 3 * 9 * 16 * 32, 4 * 16 * 32),
        "conv.norm": ((1, 3), 2, 0, (2 * 1 + 4) * 16 * 32),
        "gate": ((4, 2), 16, 16, 4 * 16 * 32 + 2),
        "depthwise.conv": ((4,), 4 * 25, 4 * 25 * 32 * 64, 0),
        "depthwise.norm": ((4,), 8, 0, 2 * 4 * 32 * 64),
    }
    assert costs.macs == costs.macs_with_heads == 4 * 27 * 512 + 16 + 100 * 2048
    assert costs.parameters == 112 + 2 + 16 + 100 + 8


def test_uses_of_weights_give_the_same_multiplications():
    network = narrow_network()
    uses, costs = weight_uses(trace(network, 64, 96)), count(network, 64, 96)
    sizes = {p.name: p.size for p in network.get_parameters()}
    assert sum(times * sizes[name] for name, times in uses.items()) == costs.macs
    assert not network.training  # the mode that it had


class Odd(nn.Cell):
    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return x

    def out_shape(self, x: tuple[int, int, int]) -> tuple[int, int, int]:
        return x


def test_unknown_layer_is_named():
    with pytest.raises(NetworkError, match=r"'1' \(Odd\)"):
        count(nn.SequentialCell(ConvNormAct(3, Norm(4, 0), 3), Odd()), 32, 32)


def seen_by_openvino(network: nn.Cell, height: int, width: int) -> Counter[str]:
    """MACs of one image by layer, from the shapes that OpenVINO gives the exported graph's operators."""
    exported = onnx_model(network, Contract(Preprocess()), (1, 3, height, width))
    found: Counter[str] = Counter()
    for node in openvino_core().read_model(exported.SerializeToString()).get_ops():
        assert node.get_type_name() != "MatMul"
        if node.get_type_name() in ("Convolution", "GroupConvolution"):
            weights, pixels = node.input(1).get_shape(), node.output(0).get_shape()[2:]
            layer = re.sub("/(WithoutBiases|fc[12])$", "", node.get_friendly_name())  # a gate's two layers are one
            found[layer] += math.prod(weights) * math.prod(pixels)
    return found


def deployed(costs: Costs) -> dict[str, int]:
    return {layer.name: layer.macs for layer in costs.layers if layer.name in costs.deployed and layer.macs}


def test_openvino_sees_the_same_macs():
    network = narrow_network()
    counted, seen = count(network, 64, 96), seen_by_openvino(network, 64, 96)
    assert seen == deployed(counted) and seen.total() == counted.macs == 7_426_352


@pytest.mark.slow
def test_openvino_sees_the_same_macs_of_mmnet():
    network = narrow_mmnet()
    seen = seen_by_openvino(network, 64, 96)
    assert seen.pop("to_matte/logit") == 2 * 64 * 96  # the difference of two logits, a subtraction of the network
    assert seen == deployed(count(network, 64, 96))


def test_openvino_sees_what_late_upsampling_saves():
    """A 5x5 convolution of 256 channels to 8, multiplied before its map is upsampled: a quarter of the products."""
    spec = narrow_spec()
    network = build_network(replace(spec, encoder=replace(spec.encoder, head=256))).set_train(False)
    counted, seen = deployed(count(network, 64, 96)), seen_by_openvino(network, 64, 96)
    late, pixels = "lr_branch.conv_lr16x.conv", 4 * 6  # of the upsampled map
    assert counted.pop(late) == 4 * seen.pop(f"{late}/taps") == 25 * 256 * 8 * pixels
    assert seen.pop(f"{late}/shift") == 25 * (25 * 8) * pixels and seen.pop(late) == (25 * 8) * 8 * pixels
    assert seen == counted
