"""get_init_weight.py: what comes over is proven, the foreign and malicious is refused, nothing half is written."""

import json
import os
import pickle
import sys

import mindspore as ms
import numpy as np
import pytest
import torch

from benchmarks.reference import golden
from src.checkpoint.file import load_network, read_checkpoint
from src.checkpoint.pytorch_file import default_output
from src.models.backbones import find_backbone
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
