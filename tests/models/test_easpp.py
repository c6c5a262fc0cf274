"""e-ASPP against numbers by hand: its values, dilations, costs, pruning, export, and the specs and weights round it."""

import json
from dataclasses import replace
from unittest import mock

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference.golden import image
from src.backend import cpu_ops
from src.checkpoint.file import Meta, load_weights, read_checkpoint, save_checkpoint, weights_of
from src.common.errors import ConfigError
from src.config.config import Config
from src.deploy.export import export
from src.deploy.onnx_model import onnx_model
from src.deploy.options import ExportOptions
from src.deploy.parity import LIMIT
from src.models import maps
from src.models.build import MODNet, build_network
from src.models.costs import count
from src.models.easpp import EfficientAspp, ScaleFusion
from src.models.layers import BN_EPS
from src.models.maps import ToLayout
from src.pruning.groups import channels_of
from src.pruning.surgery import prune
from src.spec.blocks import Norm
from src.spec.mmnet import mmnet_spec
from src.spec.modnet import EasppSpec, ModNetSpec
from src.spec.serialisation import spec_from_json, spec_to_json
from src.spec.variants import with_lr_head, with_norm
from src.training.network import from_checkpoint
from tests.deploy.test_export_onnx import CONTRACT, kinds, noise, same
from tests.pruning.test_pruning_surgery import random_keep, trained_like, worst
from tests.support.masked import Masked, outputs
from tests.support.narrow import narrow_spec, narrow_state, random_state, save_narrow, standard_spec

HEAD = "lr_branch.easpp"


@pytest.fixture(params=["portable", "native"])
def layout(request, monkeypatch) -> str:
    if request.param == "native" and not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: request.param == "native")
    return request.param


def easpp_spec() -> ModNetSpec:
    """The narrow network with a pyramid of six channels."""
    return replace(narrow_spec(), easpp=EasppSpec(6, (1, 2, 3)))


def build(spec: ModNetSpec, trained: bool = True) -> MODNet:
    network, state = build_network(spec), random_state(spec, 0)
    state = trained_like(state) if trained else state
    load_weights(network, {name: ms.Parameter(ms.Tensor(value)) for name, value in state.items()}, "the test")
    return network.set_train(False)


def call(layout: str, cell, *maps: np.ndarray) -> np.ndarray:
    to_layout = ToLayout()
    y = cell(*(to_layout(ms.Tensor(x)) for x in maps)).asnumpy()
    return y.transpose(0, 3, 1, 2) if layout == "native" else y


def test_scales_are_fused_channel_by_channel(layout):
    cell = ScaleFusion(3, 2)
    np.testing.assert_array_equal(cell.weight.asnumpy(), 1)  # at first the plain sum
    cell.weight.set_data(ms.Tensor(np.float32([[1, 10], [2, 20], [-3, 30]])))
    maps = [np.full((1, 2, 2, 3), value, np.float32) for value in (1, 2, 4)]
    maps[0][0, 1, 1, 2] = 7
    y = call(layout, cell, *maps)
    np.testing.assert_array_equal(y[0, 0], 1 + 4 - 12)
    np.testing.assert_array_equal(y[0, 1], [[170, 170, 170], [170, 170, 230]])
    assert cell.out_shape((2, 2, 3), (2, 2, 3), (2, 2, 3)) == (2, 2, 3)


def plain_norms(cell: EfficientAspp) -> None:
    """Every norm passes its input on: (x - 0) / sqrt(1 - eps + eps) * 1 + 0."""
    for name, parameter in cell.parameters_and_names():
        if name.endswith("variance"):
            parameter.set_data(ms.Tensor(np.full(parameter.shape, 1 - BN_EPS, np.float32)))
    cell.set_train(False)


def test_a_pyramid_by_hand(layout):
    """One bright pixel of two, through scales of dilation 1 and 2 that see their centre and one neighbour."""
    cell = EfficientAspp(2, EasppSpec(1, (1, 2)), Norm(2, 0))
    plain_norms(cell)
    cell.reduce.conv.weight.set_data(ms.Tensor(np.float32([1, 2]).reshape(1, 2, 1, 1)))
    near, far = np.zeros((2, 1, 1, 3, 3), np.float32)
    near[0, 0, 1, 1], near[0, 0, 1, 0] = 1, 5  # the pixel itself, and its left neighbour
    far[0, 0, 0, 1] = 1  # two rows above
    for scale, kernel in zip(cell.scales, (near, far), strict=True):
        scale.conv.weight.set_data(ms.Tensor(kernel))
    cell.fuse.weight.set_data(ms.Tensor(np.float32([[1], [100]])))
    cell.project.conv.weight.set_data(ms.Tensor(np.float32([1, -1]).reshape(2, 1, 1, 1)))
    x = np.zeros((1, 2, 2, 2), np.float32)
    x[0, :, 0, 0] = 4, 6  # reduced: 4 + 2 * 6 = 16
    y = call(layout, cell, x)
    line = np.array([16, 12, 4, 0])  # 16 and 0, upsampled: pixel centres at a quarter and three quarters
    reduced = np.outer(line, line) / 16
    expected = reduced.copy()
    expected[:, 1:] += 5 * reduced[:, :-1]
    expected[2:] += 100 * reduced[:-2]
    assert y.shape == (1, 2, 4, 4)
    np.testing.assert_allclose(y[0, 0], expected, rtol=1e-5)
    np.testing.assert_array_equal(y[0, 1], 0)  # ReLU


@pytest.mark.slow
def test_parameters_and_macs_by_hand():
    """At 512x512 the deepest map has 16x16 pixels, and its upsampled one 32x32."""
    plain, pyramid = (count(build_network(spec)) for spec in (standard_spec(), with_lr_head(standard_spec(), "easpp")))
    conv = 96 * 1280 * 25 + 96 + 2 * 48
    easpp = 320 * 1280 + 3 * 320 * 9 + 3 * 320 + 96 * 320 + 4 * 2 * 320 + 2 * 48
    assert (conv, easpp) == (3_072_192, 452_576)
    assert plain.parameters - pyramid.parameters == conv - easpp
    macs = 320 * 1280 * 16**2 + (3 * 320 * 9 + 3 * 320 + 96 * 320) * 32**2
    assert macs == 146_145_280
    assert plain.macs - pyramid.macs == 96 * 1280 * 25 * 32**2 - macs
    rows = {layer.name: (layer.widths, layer.parameters, layer.macs) for layer in pyramid.layers}
    assert rows[f"{HEAD}.fuse"] == ((320,), 960, 960 * 32**2)


def test_the_choice_of_the_head():
    spec = standard_spec()
    chosen = with_lr_head(spec, "easpp")
    assert chosen.easpp == EasppSpec(320, (1, 3, 6))
    assert with_lr_head(chosen, "easpp") == chosen == with_lr_head(chosen, None)
    assert with_lr_head(chosen, "conv") == spec == with_lr_head(spec, "conv")
    batch = with_norm(chosen, "batch")
    assert batch == with_lr_head(with_norm(spec, "batch"), "easpp") and batch.lr16x == Norm(96, 0)
    assert with_norm(batch, "ib") == chosen
    assert with_lr_head(mmnet_spec(), "easpp") == mmnet_spec()


def test_specs_with_and_without_a_pyramid_as_json():
    spec = easpp_spec()
    again = spec_from_json(spec_to_json(spec))
    assert again == spec and hash(again) == hash(spec)
    text = spec_to_json(narrow_spec())  # as before there was a choice, so that earlier releases read it
    assert "easpp" not in json.loads(text)
    assert spec_from_json(text).easpp is None
    assert spec_from_json(json.dumps(json.loads(text) | {"easpp": None})) == narrow_spec()


@pytest.mark.slow
@pytest.mark.parametrize(("norm", "size"), [("ib", (32, 64)), ("batch", (96, 128))])
def test_pruned_networks_compute_what_the_masked_one_does(norm, size):
    """Instance norms magnify float32's rounding where a map is nearly constant, as some are in larger images."""
    network = build(with_norm(easpp_spec(), norm), trained=norm == "batch")
    channels, rng, sample = channels_of(network), np.random.default_rng(7), image(*size, 3)
    group = next(group for group in channels.groups if group.name == f"{HEAD}.reduce.conv")
    assert group.part == "lr" and len(group) == 6
    assert group.layers == (f"{HEAD}.reduce.conv", *(f"{HEAD}.scales.{i}.conv" for i in range(3)))
    masked, narrowed = Masked(network, channels), 0
    for _ in range(30):
        keep = random_keep(channels, rng)
        narrow = prune(network, keep, channels)
        assert worst(outputs(narrow, sample), masked.outputs(keep, sample)) < 1e-5
        narrowed += narrow.spec.easpp.channels < 6
        assert spec_from_json(spec_to_json(narrow.spec)) == narrow.spec
    assert narrowed > 10


@pytest.mark.slow
def test_a_pruned_pyramid_keeps_its_channels_weights_and_kinds():
    network = build(easpp_spec())
    channels = channels_of(network)
    keep = np.ones(channels.count, bool)
    keep[next(g for g in channels.groups if g.name == f"{HEAD}.reduce.conv").channels[[0, 2, 4]]] = False
    narrow = prune(network, keep, channels)
    assert narrow.spec.easpp == EasppSpec(3, (1, 2, 3))
    before, after = network.parameters_dict(), narrow.parameters_dict()
    for leaf, axis in (("fuse.weight", 1), ("scales.2.conv.weight", 0), ("project.conv.weight", 1)):
        whole, left = before[f"{HEAD}.{leaf}"].asnumpy(), after[f"{HEAD}.{leaf}"].asnumpy()
        np.testing.assert_array_equal(left, whole.take([1, 3, 5], axis))


@pytest.mark.slow
def test_onnx_computes_the_same():
    network, folded = build(easpp_spec()), build(with_norm(easpp_spec(), "batch"), trained=False)
    model = onnx_model(network, CONTRACT)
    assert same(network, noise(1, 3, 64, 96), model) < 3e-5
    for shape in ((1, 3, 64, 96), (2, 3, 32, 32)):
        assert same(folded, noise(*shape)) < 5e-6
    assert kinds(model)["InstanceNormalization"] == 15  # as many as with the convolution
    assert not kinds(onnx_model(folded, CONTRACT))["InstanceNormalization"]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "suffix"), [("OPENVINO", ".xml"), ("MINDIR", ".mindir")])
def test_every_format_is_proven_equal(tmp_path, kind, suffix):
    network = build(with_norm(easpp_spec(), "batch"), trained=False)
    save_checkpoint(tmp_path / "n.ckpt", weights_of(network), Meta("modnet", "mobilenetv2", network.spec))
    with mock.patch("src.deploy.parity._SIZES", ((1, 64, 96),)):
        files, found = export(tmp_path / "n.ckpt", kind, tmp_path, ExportOptions((-1, 3, 64, 96)))
    assert files[0].suffix == suffix
    assert [difference.most < LIMIT for difference in found] == [True]


@pytest.mark.parametrize("head", ["easpp", None])
def test_weights_of_a_network_with_the_convolution(tmp_path, head, caplog):
    checkpoint = read_checkpoint(save_narrow(tmp_path / "n.ckpt"))
    with caplog.at_level("INFO", logger="modnet"):
        network = from_checkpoint(checkpoint, Config.from_values(ckpt_path="n.ckpt", lr_head=head).network)
    spec = network.spec
    values, state = {p.name: p.asnumpy() for p in network.get_parameters()}, narrow_state()
    assert (spec.easpp is None) == (head is None)
    for name, value in values.items():
        if not name.startswith(HEAD):
            np.testing.assert_array_equal(value, state[name], err_msg=name)
    assert {name for name in values if name not in state} == {name for name in values if name.startswith(HEAD)}
    if head:
        assert {name for name in state if name not in values} == {
            f"lr_branch.conv_lr16x.{leaf}" for leaf in ("conv.weight", "conv.bias", *_statistics("norm.bnorm"))
        }
        assert "fresh weights in lr_branch.easpp (26 tensors)" in caplog.text
        assert "weights left out: lr_branch.conv_lr16x (6 tensors)" in caplog.text


def _statistics(norm: str) -> list[str]:
    return [f"{norm}.{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")]


def test_other_heads_are_refused():
    with pytest.raises(ConfigError, match="`lr_head` cannot be 'aspp'"):
        Config.from_values(lr_head="aspp")
