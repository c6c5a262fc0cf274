"""A backbone from one file of its own goes all the way: conversion, training, pruning, export."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from unittest import mock

import mindspore as ms
import numpy as np
import onnxruntime
import pytest
import torch
import yaml

from benchmarks.reference.torch_spec import torch_twin
from src.backend import cpu_ops
from src.checkpoint.conversion import convert, kinds
from src.checkpoint.file import load_network, load_weights, read_checkpoint
from src.checkpoint.pytorch_file import default_output
from src.common.errors import ConfigError
from src.deploy.onnx_model import onnx_model
from src.model_file.contract import Contract
from src.models import maps
from src.models.backbones import Backbone, find_backbone, registry
from src.models.build import build_network
from src.programs import convert as get_init_weight
from src.programs import train
from src.pruning.groups import channels_of
from src.pruning.surgery import prune
from src.spec.modnet import ModNetSpec, modnet_spec
from src.spec.preprocess import Preprocess
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.masked import Masked, outputs
from tests.support.narrow import random_state
from tests.support.programs import run_main, write_yaml


@pytest.fixture(scope="module")
def own() -> Iterator[Backbone]:
    """The backbone, which no other test file gets to see."""
    with mock.patch.dict(registry._BACKBONES):
        import_module("tests.support.own_backbone")
        yield find_backbone("tinynet")


@pytest.fixture(scope="module")
def spec(own: Backbone) -> ModNetSpec:
    return modnet_spec(own.encoder(), hr=8, lr16x=8, lr8x=6)


@pytest.fixture(scope="module")
def state(spec: ModNetSpec) -> dict[str, np.ndarray]:
    return random_state(spec, seed=4)


def network_of(spec: ModNetSpec, state: dict[str, np.ndarray]) -> ms.nn.Cell:
    network = build_network(spec)
    load_weights(network, {name: ms.Parameter(ms.Tensor(value)) for name, value in state.items()}, "the test")
    return network.set_train(False)


def pytorch_state(own: Backbone) -> dict[str, np.ndarray]:
    """A PyTorch file's tensors by its own names, with a classifier and counters."""
    rng = np.random.default_rng(2)
    state = {f"net.{name}": rng.uniform(0.5, 1.5, shape) for name, _, shape in own.tensors(own.encoder())}
    return state | {"net.classes.weight": np.zeros((3, 16)), "net.entry.norm.num_batches_tracked": np.array(7)}


@pytest.fixture(scope="module")
def converted(own: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    torch.save({name: torch.from_numpy(value) for name, value in pytorch_state(own).items()}, folder / "tinynet.pth")
    done = run_main(get_init_weight.main, "--input", folder / "tinynet.pth", "--output", folder / "tinynet.ckpt")
    assert done.status == 0, done.err
    assert "came over as 'tinynet', 0 missing, 0 unexpected, 0 mis-shaped" in done.out
    return folder / "tinynet.ckpt"


def test_it_is_known_by_its_name_alone(own: Backbone):
    assert find_backbone("tinynet") is own and "tinynet" in kinds()
    with pytest.raises(ConfigError, match=r"`encoder` cannot be 'tinynett'\. Did you mean `tinynet`"):
        find_backbone("tinynett")
    with pytest.raises(ConfigError, match="a backbone `tinynet` already"):
        registry.register(Backbone("tinynet", own.encoder, own.tensors, own.recognises))
    assert default_output(Path("downloads/tinynet-1a2b.pth")) == Path("pretrained/mindspore_tinynet.ckpt")


def test_the_file_keeps_its_activation_and_taps(spec: ModNetSpec):
    again = spec_from_json(spec_to_json(spec))
    assert again == spec and again.encoder.act == "hswish" and again.encoder.tap_channels == (6, 8)


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["portable", "native"])
def test_it_computes_what_pytorch_does(spec: ModNetSpec, state: dict[str, np.ndarray], layout: str, monkeypatch):
    if layout == "native" and not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: layout == "native")
    image = np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 96)).astype(np.float32)
    for training in (False, True):
        twin = torch_twin(spec, state).train(training)
        with torch.no_grad():
            expected = twin(torch.from_numpy(image).double())
        found = network_of(spec, state).set_train(training)(ms.Tensor(image))
        for ours, theirs in zip(found if training else [found], expected if training else expected[2:], strict=True):
            np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), atol=1e-4 if training else 1e-5)


def test_its_tensors_go_where_they_belong(own: Backbone):
    source = pytorch_state(own)
    conversion = convert(source)
    assert (conversion.kind, conversion.network, conversion.problems) == ("tinynet", "encoder", ())
    assert conversion.spec == own.encoder()
    for theirs, ours in {
        "entry.conv.weight": "encoder.stem.conv.weight",
        "stages.0.expand.norm.running_mean": "encoder.to4x.0.expand.norm.bnorm.moving_mean",
        "stages.2.depthwise.conv.weight": "encoder.to32x.0.depthwise.conv.weight",
        "exit.norm.bias": "encoder.head.norm.bnorm.beta",
    }.items():
        np.testing.assert_array_equal(conversion.state[ours], source[f"net.{theirs}"].astype(np.float32))
    del source["net.exit.norm.bias"]
    assert convert(source).problems == ("missing: exit.norm.bias (for encoder.head.norm.bnorm.beta)",)


@pytest.mark.slow
def test_it_trains_from_its_converted_weights(converted: Path, tiny_config: Path, tmp_path: Path):
    own = {"ckpt_path": None, "encoder": "tinynet", "backbone_pretrained": str(converted), "epoch_size": 1}
    config = write_yaml(tmp_path / "own.yml", yaml.safe_load(tiny_config.read_text()) | own)
    done = run_main(train.main, "--config", config, "--output_path", tmp_path / "run")
    assert done.status == 0, done.err
    network, meta = load_network(tmp_path / "run" / "ckpt" / "MODNet_last.ckpt")
    assert meta.encoder == "tinynet" and meta.epoch == 1 and network.spec.encoder.act == "hswish"
    before = read_checkpoint(converted).weights
    trained = {p.name: p.asnumpy() for p in network.get_parameters() if p.name.startswith("encoder.")}
    assert set(trained) == set(before)
    assert all(np.isfinite(value).all() for value in trained.values())
    moved = [name for name, value in trained.items() if np.abs(value - before[name].asnumpy()).max() > 0]
    assert len(moved) > 0.9 * len(trained)


@pytest.mark.slow
def test_a_pruned_one_computes_the_same_without_those_channels(spec: ModNetSpec, state: dict[str, np.ndarray]):
    network = network_of(spec, state)
    channels, rng = channels_of(network), np.random.default_rng(1)
    image = rng.uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32)
    keep = np.ones(channels.count, bool)
    for group in channels.groups:
        keep[rng.permutation(group.channels)[: len(group) // 3]] = False
    narrow = prune(network, keep, channels)
    assert narrow.spec.encoder.tap_channels < spec.encoder.tap_channels and narrow.spec.encoder.act == "hswish"
    for ours, expected in zip(outputs(narrow, image), Masked(network, channels).outputs(keep, image), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-5)
    check_export(narrow)


def check_export(network: ms.nn.Cell) -> None:
    model = onnx_model(network, Contract(Preprocess()))
    assert "HardSwish" in {node.op_type for node in model.graph.node}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    image = np.random.default_rng(3).uniform(-1, 1, (2, 3, 64, 64)).astype(np.float32)
    matte = session.run(["output"], {"input": image})[0]
    np.testing.assert_allclose(matte, network(ms.Tensor(image)).asnumpy(), atol=1e-5)


def test_the_exported_one_computes_the_same(spec: ModNetSpec, state: dict[str, np.ndarray]):
    check_export(network_of(spec, state))
