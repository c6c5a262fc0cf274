"""get_init_weight.py: what comes over is proven, the foreign and malicious is refused, nothing half is written."""

import argparse
import datetime
import json
import os
import pickle
import sys
from collections import OrderedDict
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch

from benchmarks.reference import golden
from src.checkpoint.conversion import convert as convert_names
from src.checkpoint.file import load_network, load_weights, read_checkpoint
from src.checkpoint.pytorch_content import read_state_dict
from src.checkpoint.pytorch_file import default_output
from src.common.errors import CheckpointError
from src.common.log import setup_logging
from src.models.backbones import find_backbone
from src.models.build import build_network
from src.programs import convert as get_init_weight
from tests.support.golden_networks import golden_input, golden_matte
from tests.support.programs import ROOT, run_main, run_program


def tensors(kind: str) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.array(value)) for name, value in golden.checkpoint(kind).items()}


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    path = tmp_path_factory.mktemp("official") / "modnet.ckpt"
    torch.save(tensors("official"), path)
    return path


def convert(*arguments):
    return run_main(get_init_weight.main, *arguments)


def refused(source, folder, *arguments) -> str:
    """The text with which the program refuses `source`; nothing may be written."""
    before = sorted(os.listdir(folder))
    text = convert("--input", source, "--output", folder / "out.ckpt", *arguments).assert_refused()
    assert sorted(os.listdir(folder)) == before
    return text


@pytest.mark.slow
def test_the_official_network_comes_over_whole(official, tmp_path):
    done = convert("--input", official, "--output", tmp_path / "new" / "out.ckpt")
    assert done.status == 0, done.err
    # 6,487,075 trained numbers, and mean and variance of 17,416 batch-normalised channels
    assert "tensors, 6521907 numbers came over as 'official', 0 missing, 0 unexpected, 0 mis-shaped" in done.out
    network, meta = load_network(tmp_path / "new" / "out.ckpt")
    assert meta.source["file"] == "modnet.ckpt" and len(meta.source["sha256"]) == 64
    matte = network(ms.Tensor(golden_input("matte_288x480"))).asnumpy()[0, 0]
    np.testing.assert_allclose(matte, golden_matte("matte_288x480"), atol=1e-6)


@pytest.mark.slow
def test_a_pruned_network_carries_its_widths(tmp_path):
    torch.save({"state_dict": tensors("compression_pruned")}, tmp_path / "p.ckpt")
    info = golden.HERE / "compression_pruned_info.json"
    done = convert("--input", tmp_path / "p.ckpt", "--output", tmp_path / "out.ckpt", "--prune_info", info)
    assert done.status == 0, done.err
    network, meta = load_network(tmp_path / "out.ckpt")
    assert meta.spec.encoder.head == json.loads(info.read_text())["new_cfg"][-1]
    matte = network(ms.Tensor(golden_input("pruned_matte_512x512"))).asnumpy()[0, 0]
    np.testing.assert_allclose(matte, golden_matte("pruned_matte_512x512"), atol=1e-6)


def test_imagenet_weights_of_the_package(tmp_path):
    assert convert("--input", "efficientnet_lite0", "--output", tmp_path / "out.ckpt").status == 0
    checkpoint = read_checkpoint(tmp_path / "out.ckpt")
    meta = checkpoint.meta
    assert (meta.network, meta.encoder, meta.spec) == ("encoder", "efficientnet_lite0", None)
    assert all(name.startswith("encoder.") for name in checkpoint.weights)


class Malicious:
    """Unpickling it makes a folder."""

    def __init__(self, folder: str):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_a_malicious_pickle_is_refused_and_not_executed(tmp_path):
    mark, attack = tmp_path / "executed", {"features.0.0.weight": Malicious(str(tmp_path / "executed"))}
    torch.save(attack, tmp_path / "zip.ckpt")
    (tmp_path / "plain.ckpt").write_bytes(pickle.dumps(attack, protocol=2))
    for name in ("zip.ckpt", "plain.ckpt"):
        assert "holds code, which is refused" in refused(tmp_path / name, tmp_path)
        assert not mark.exists()
    torch.load(tmp_path / "zip.ckpt", weights_only=False)
    assert mark.exists()  # the attack works where it is let in


def test_a_truncated_file(official, tmp_path):
    whole = official.read_bytes()
    for size in (len(whole) // 2, len(whole) - 100, 10, 0):
        (tmp_path / "cut.ckpt").write_bytes(whole[:size])
        assert "cut.ckpt is no plain PyTorch state dict" in refused(tmp_path / "cut.ckpt", tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"layer1.weight": torch.zeros(2)}, "None of the known namings"),
        ({}, "None of the known namings"),
        ([torch.zeros(2)], "holds no state dict"),
        ({"features.0.0.weight": 3}, "holds no state dict"),
        ({0: torch.zeros(2)}, "holds no state dict"),
        (torch.zeros(3), "holds no state dict"),
    ],
)
def test_a_foreign_pytorch_file(tmp_path, content, message):
    torch.save(content, tmp_path / "foreign.ckpt")
    assert message in refused(tmp_path / "foreign.ckpt", tmp_path)


def test_a_file_of_another_program(tmp_path, narrow_ckpt):
    (tmp_path / "text.ckpt").write_text("not a checkpoint\n")
    assert "text.ckpt is no plain PyTorch state dict" in refused(tmp_path / "text.ckpt", tmp_path)
    assert "narrow.ckpt is no plain PyTorch state dict" in refused(narrow_ckpt, tmp_path)
    assert f"No file at {tmp_path}" in refused(tmp_path, tmp_path)


def test_tensors_that_do_not_fit_are_listed_and_nothing_is_written(tmp_path):
    state = tensors("official")
    del state["module.f_branch.conv_lr4x.layers.0.bias"]
    state["module.f_branch.extra"] = torch.zeros(2)
    torch.save(state, tmp_path / "in.ckpt")
    done = convert("--input", tmp_path / "in.ckpt", "--output", tmp_path / "out.ckpt")
    text = done.assert_refused()
    assert "2 tensors of" in text and "nothing was written" in text
    assert "missing: f_branch.conv_lr4x.layers.0.bias" in done.out and "unexpected: f_branch.extra" in done.out
    assert os.listdir(tmp_path) == ["in.ckpt"]


@pytest.mark.slow
def test_trained_parameters_and_half_precision_come_over(tmp_path):
    """A file may hold nn.Parameter objects, and bfloat16 tensors, which numpy does not know."""
    state = tensors("official")
    name = "module.f_branch.conv_f.1.layers.0.weight"
    state[name] = torch.nn.Parameter(state[name])
    state["module.f_branch.conv_f.1.layers.0.bias"] = torch.tensor([0.5], dtype=torch.bfloat16)
    torch.save(state, tmp_path / "in.ckpt")
    done = convert("--input", tmp_path / "in.ckpt", "--output", tmp_path / "out.ckpt")
    assert done.status == 0, done.err
    weights = read_checkpoint(tmp_path / "out.ckpt").weights
    np.testing.assert_array_equal(weights["f_branch.head.conv.weight"].asnumpy(), state[name].detach().numpy())
    assert weights["f_branch.head.conv.bias"].asnumpy() == 0.5


def test_mistakes_on_the_command_line(official, tmp_path):
    assert "do not fit the 'compression' naming" in refused(official, tmp_path, "--kind", "compression")
    info = golden.HERE / "compression_pruned_info.json"
    assert "belongs to a ModelCompression network" in refused(official, tmp_path, "--prune_info", info)
    absent = tmp_path / "absent.json"
    assert f"Cannot read the prune info {absent}" in refused(official, tmp_path, "--prune_info", absent)
    assert "Cannot read the prune info" in refused(official, tmp_path, "--prune_info", official)


@pytest.mark.slow
def test_an_output_that_cannot_be_written(official, tmp_path):
    (tmp_path / "file").write_text("")
    done = convert("--input", official, "--output", tmp_path / "file" / "out.ckpt")
    assert f"Cannot write to {tmp_path / 'file'}" in done.assert_refused()


def test_without_arguments_it_names_the_zoos_file(monkeypatch, tmp_path):
    assert get_init_weight.ZOO_INPUT == ROOT / "pretrained" / "mobilenetv2_human_seg.ckpt"
    expected = tmp_path / "mobilenetv2_human_seg.ckpt"
    monkeypatch.setattr(get_init_weight, "ZOO_INPUT", expected)
    text = convert().assert_refused()
    assert f"No file at {expected}" in text and "https://" in text and "--input efficientnet_lite0" in text


def test_default_outputs_are_what_training_looks_for(tmp_path):
    assert default_output(tmp_path / "mobilenetv2_human_seg.ckpt") == find_backbone("mobilenetv2").pretrained.path
    lite0 = find_backbone("efficientnet_lite0").pretrained.path
    assert default_output(tmp_path / "efficientnet-lite0-37913f94.pth") == lite0
    assert default_output(tmp_path / "other.pth").name == "mindspore_other.ckpt"


@pytest.mark.slow
def test_as_a_program(tmp_path):
    done = run_program(sys.executable, "get_init_weight.py", "--input", tmp_path / "absent.ckpt")
    assert f"No file at {tmp_path / 'absent.ckpt'}" in done.assert_refused()


class Config:
    """A class of the user's own."""


FEW = {"features.0.0.weight": torch.zeros(2, 3), "features.0.1.bias": torch.ones(2)}
BESIDE = {
    "args": argparse.Namespace(lr=0.1, path=Path("runs")),
    "score": np.float64(0.5),
    "best": np.float32(0.25),
    "losses": np.arange(3.0),
    "when": datetime.datetime(2020, 1, 1),
    "order": OrderedDict(a=1),
    "optimizer": {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
    "epoch": 3,
}


@pytest.mark.parametrize("entry", ["model", "model_state_dict", "net", "state_dict", "ema", "generator", "a.b"])
def test_weights_one_level_deeper_beside_harmless_values(tmp_path, entry):
    content = FEW
    for name in reversed(entry.split(".")):
        content = {name: content}
    torch.save(BESIDE | content, tmp_path / "in.pth")
    state = read_state_dict(tmp_path / "in.pth")
    assert list(state) == list(FEW) and state["features.0.1.bias"].tolist() == [1, 1]
    torch.save(BESIDE | content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert list(read_state_dict(tmp_path / "old.pth")) == list(FEW)
    torch.save(BESIDE | FEW, tmp_path / "flat.pth")
    assert list(read_state_dict(tmp_path / "flat.pth")) == list(FEW)


def test_of_several_state_dicts_the_networks_own_is_taken(tmp_path, capsys):
    setup_logging()
    other, ema = {"layer.weight": torch.zeros(1)}, {name: value + 1 for name, value in FEW.items()}
    torch.save({"discriminator": other, "ema": ema}, tmp_path / "gan.pth")
    assert read_state_dict(tmp_path / "gan.pth")["features.0.1.bias"].tolist() == [2, 2]
    assert "beside it" not in capsys.readouterr().out
    torch.save({"ema": ema, "model": FEW}, tmp_path / "both.pth")
    assert read_state_dict(tmp_path / "both.pth")["features.0.1.bias"].tolist() == [1, 1]
    assert "`model` is taken; beside it lies `ema`" in capsys.readouterr().out
    assert read_state_dict(tmp_path / "both.pth", "ema")["features.0.1.bias"].tolist() == [2, 2]
    with pytest.raises(CheckpointError, match=r"no state dict `emma`\. Did you mean `ema`"):
        read_state_dict(tmp_path / "both.pth", "emma")


@pytest.mark.parametrize(
    "prefix",
    ["", "_orig_mod.", "model.", "module.", "module.model.", "module._orig_mod.", "a.b.module.module.", "net."],
)
@pytest.mark.parametrize("kind", ["official", "compression"])
def test_what_wrappers_put_before_all_names_is_taken_off(prefix, kind):
    state = {prefix + name.removeprefix("module."): value for name, value in golden.checkpoint(kind).items()}
    conversion = convert_names(state)
    assert (conversion.kind, conversion.problems) == (kind, ())
    within = {name.replace("backbone.model.", "backbone._orig_mod.model."): value for name, value in state.items()}
    assert convert_names(within).problems == convert_names(state, kind).problems == ()


def test_prefixes_of_a_known_naming_stay():
    state = {name.removeprefix("module."): value for name, value in golden.checkpoint("official").items()}
    backbone = {name: value for name, value in state.items() if name.startswith("backbone.model.")}
    assert convert_names(backbone).kind == "backbone" and convert_names(backbone).problems == ()


def test_values_that_are_not_finite_do_not_come_over():
    state = dict(golden.checkpoint("official"))
    name = next(iter(state))
    state[name] = np.full_like(state[name], np.nan)
    assert f"not finite: {name.removeprefix('module.')} holds NaN" in " ".join(convert_names(state).problems)


def test_a_torchscript_archive_says_how_to_save_its_weights(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "script.pt")
    text = refused(tmp_path / "script.pt", tmp_path)
    assert "is a TorchScript archive" in text and "state_dict()" in text


def test_a_whole_object_is_named(tmp_path):
    torch.save({"model": FEW, "config": Config()}, tmp_path / "in.pth")
    assert f"it names `{__name__}.Config`" in refused(tmp_path / "in.pth", tmp_path)


def test_what_a_file_holds_is_said(tmp_path):
    torch.save({"epoch": 3, "args": argparse.Namespace(), "losses": [1, 2], "x": {}, "y": 1}, tmp_path / "in.pth")
    text = refused(tmp_path / "in.pth", tmp_path)
    assert "but a dict of epoch (int), args (another object), losses (list of 2), x (dict of 0) and 1 more" in text
    torch.save({"a": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "complex.pth")
    assert "a in" in (text := refused(tmp_path / "complex.pth", tmp_path)) and "torch.complex64" in text


def test_a_pytorch_file_is_read_as_a_checkpoint(official, tmp_path, capsys):
    setup_logging()
    checkpoint = read_checkpoint(official)
    assert "is a PyTorch file: " in (text := capsys.readouterr().out) and text.count("converted on the fly") == 1
    assert checkpoint.meta.spec == convert_names(golden.checkpoint("official")).spec
    assert checkpoint.meta.source["file"] == "modnet.ckpt" and os.listdir(official.parent) == ["modnet.ckpt"]
    load_weights(build_network(checkpoint.meta.spec), checkpoint.weights, "it")


def test_a_pruned_pytorch_file_needs_its_json_beside_it(tmp_path):
    torch.save(tensors("compression_pruned"), tmp_path / "p.pth")
    with pytest.raises(CheckpointError, match=r"mis-shaped: .*needs its JSON beside it: .*p\.json"):
        read_checkpoint(tmp_path / "p.pth")
    info = (golden.HERE / "compression_pruned_info.json").read_text()
    (tmp_path / "p.json").write_text(info)
    assert read_checkpoint(tmp_path / "p.pth").meta.spec.encoder.head == json.loads(info)["new_cfg"][-1]


def test_a_pytorch_file_without_pytorch(official, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CheckpointError, match=r"modnet\.ckpt is a PyTorch file; .* pip install torch"):
        read_checkpoint(official)
