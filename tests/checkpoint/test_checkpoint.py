"""Checkpoints rebuild their own network, and whatever is not one of ours is refused in words."""

import json
import os
import sys

import mindspore as ms
import numpy as np
import pytest
import torch

from src.checkpoint import file as module
from src.checkpoint.file import (
    Meta,
    copy_of,
    file_source,
    load_network,
    load_weights,
    read_checkpoint,
    save_checkpoint,
    weights_of,
)
from src.common.errors import CheckpointError, OutputError
from src.spec.preprocess import Preprocess
from tests.support.narrow import narrow_network, narrow_spec, narrow_state, save_narrow
from tests.support.programs import run_program

META = Meta(
    network="modnet",
    encoder="mobilenetv2",
    spec=narrow_spec(),
    preprocess=Preprocess(mean=(0.1, 0.2, 0.3), ref_size=320),
    epoch=3,
    step=12,
    scores={"mse": 0.25, "mad": 0.5},
    source={"file": "a.ckpt", "sha256": "00"},
    train={"best_mse": float("inf"), "seed": 7},
)


def test_everything_comes_back(tmp_path):
    path, state = tmp_path / "a.ckpt", {"trained/x": ms.Tensor([1.5, 2.5]), "optimizer/step": ms.Tensor(3, ms.int32)}
    save_checkpoint(path, weights_of(narrow_network()), META, state)
    again = read_checkpoint(str(path))
    assert (again.path, again.meta) == (path, META)
    assert set(again.weights) == set(narrow_state())
    for name, value in narrow_state().items():
        np.testing.assert_array_equal(again.weights[name].asnumpy(), value)
    assert set(again.state) == set(state)
    np.testing.assert_array_equal(again.state["trained/x"].asnumpy(), np.float32([1.5, 2.5]))
    assert again.state["optimizer/step"].asnumpy() == 3 and again.state["optimizer/step"].dtype == ms.int32
    assert os.listdir(tmp_path) == ["a.ckpt"]


@pytest.mark.slow
def test_the_network_is_rebuilt_ready_for_inference(narrow_ckpt):
    network, meta = load_network(narrow_ckpt)
    assert network.spec == meta.spec == narrow_spec() and not network.training
    image = ms.Tensor(np.random.default_rng(0).uniform(-1, 1, (1, 3, 64, 64)).astype(np.float32))
    np.testing.assert_array_equal(network(image).asnumpy(), narrow_network()(image).asnumpy())


def test_copies_do_not_follow_the_parameter():
    parameter = ms.Parameter(np.ones(3, np.float32))
    copy = copy_of(parameter)
    parameter.set_data(ms.Tensor(np.zeros(3, np.float32)))
    np.testing.assert_array_equal(copy.asnumpy(), [1, 1, 1])


def test_a_truncated_file(narrow_ckpt, tmp_path):
    whole = narrow_ckpt.read_bytes()
    for size in (len(whole) - 1, len(whole) // 2, 20, 0):
        (tmp_path / "cut.ckpt").write_bytes(whole[:size])
        with pytest.raises(CheckpointError, match=rf"cut\.ckpt \({size} bytes\) is no whole MindSpore checkpoint"):
            read_checkpoint(tmp_path / "cut.ckpt")


def test_a_damaged_number_is_found(narrow_ckpt, tmp_path):
    damaged = bytearray(narrow_ckpt.read_bytes())
    damaged[len(damaged) // 2] ^= 0x10
    (tmp_path / "bad.ckpt").write_bytes(damaged)
    with pytest.raises(CheckpointError, match="is no whole MindSpore checkpoint"):
        read_checkpoint(tmp_path / "bad.ckpt")


@pytest.mark.parametrize("crc", [True, False])
def test_a_mindspore_file_of_another_project(tmp_path, crc):
    path = str(tmp_path / "other.ckpt")
    ms.save_checkpoint([{"name": "fc.weight", "data": ms.Tensor([1.0])}], path, crc_check=crc)
    with pytest.raises(CheckpointError, match=r"other\.ckpt does not say which network .* fc\.weight"):
        read_checkpoint(path)


def test_a_pytorch_file(tmp_path):
    torch.save({"a": torch.zeros(3)}, tmp_path / "torch.ckpt")
    with pytest.raises(CheckpointError, match=r"torch\.ckpt .*get_init_weight\.py --input FILE"):
        read_checkpoint(tmp_path / "torch.ckpt")


def test_paths_without_a_file(tmp_path):
    for path in (tmp_path, tmp_path / "absent.ckpt"):
        with pytest.raises(CheckpointError, match=f"No checkpoint at {path}"):
            read_checkpoint(path)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        "7",
        '{"spec": null, "preprocess": "none"}',
        "nonsense",
        '{"spec": null, "preprocess": {"mean": 1, "surplus": 2}}',
    ],
)
def test_a_description_that_cannot_be_read(tmp_path, text):
    path = str(tmp_path / "odd.ckpt")
    ms.save_checkpoint(
        [{"name": "x", "data": ms.Tensor([1.0])}], path, append_dict={module.META_KEY: text}, crc_check=True
    )
    with pytest.raises(CheckpointError, match=r"odd\.ckpt has a description that this version cannot read"):
        read_checkpoint(path)


def test_a_description_of_another_version_names_the_file(tmp_path):
    newer = META.to_json().replace('"version": 1', '"version": 2')
    path = str(tmp_path / "newer.ckpt")
    ms.save_checkpoint(
        [{"name": "x", "data": ms.Tensor([1.0])}], path, append_dict={module.META_KEY: newer}, crc_check=True
    )
    with pytest.raises(CheckpointError, match=r"newer\.ckpt.* version 2, this program reads version 1"):
        read_checkpoint(path)


def test_weights_of_another_network_are_named(tmp_path):
    state = narrow_state()
    state.pop("f_branch.head.conv.bias")
    state["surplus"] = np.zeros(1, np.float32)
    state["lr_branch.se.fc1.weight"] = np.zeros((5, 16), np.float32)
    parameters = {name: ms.Parameter(ms.Tensor(value)) for name, value in state.items()}
    network = narrow_network()
    with pytest.raises(CheckpointError) as error:
        load_weights(network, parameters, "x.ckpt")
    assert str(error.value) == (
        "x.ckpt does not fit the network: missing f_branch.head.conv.bias; unexpected surplus; "
        "lr_branch.se.fc1.weight is [5, 16], expected [4, 16]."
    )
    for parameter in network.get_parameters():  # nothing was loaded by halves
        np.testing.assert_array_equal(parameter.asnumpy(), narrow_state()[parameter.name])
    with pytest.raises(CheckpointError, match=r"missing .*; missing .*; missing .* and \d+ more\.$"):
        load_weights(network, {}, "x.ckpt")


def test_a_file_whose_weights_do_not_fit_its_own_description(tmp_path, narrow_ckpt):
    weights = read_checkpoint(narrow_ckpt).weights
    weights["f_branch.head.conv.bias"] = ms.Tensor(np.zeros(2, np.float32))
    save_checkpoint(tmp_path / "mixed.ckpt", weights, META)
    with pytest.raises(
        CheckpointError, match=r"mixed\.ckpt does not fit the network: f_branch.head.conv.bias is \[2\]"
    ):
        load_network(tmp_path / "mixed.ckpt")


def test_an_encoder_alone_is_no_network(tmp_path):
    encoder = {name: ms.Tensor(value) for name, value in narrow_state().items() if name.startswith("encoder.")}
    save_checkpoint(tmp_path / "encoder.ckpt", encoder, Meta("encoder", "mobilenetv2", None))
    assert read_checkpoint(tmp_path / "encoder.ckpt").meta.spec is None
    with pytest.raises(CheckpointError, match="weights of the mobilenetv2 encoder alone"):
        load_network(tmp_path / "encoder.ckpt")


@pytest.mark.slow
def test_weights_below_a_prefix():
    network, values = narrow_network(), narrow_state(seed=9)
    encoder = {name: ms.Parameter(ms.Tensor(v)) for name, v in values.items() if name.startswith("encoder.")}
    load_weights(network, encoder, "x.ckpt", prefix="encoder.")
    for parameter in network.get_parameters():
        expected = values if parameter.name.startswith("encoder.") else narrow_state()
        np.testing.assert_array_equal(parameter.asnumpy(), expected[parameter.name])


def test_a_failing_write_leaves_the_earlier_file(tmp_path, monkeypatch):
    path = save_narrow(tmp_path / "a.ckpt", epoch=1)
    before = path.read_bytes()

    def half_written(_entries, name, **_options):
        with open(name, "wb") as file:
            file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.ms, "save_checkpoint", half_written)
    with pytest.raises(OutputError, match=r"Cannot write .*a\.ckpt \(No space left on device\)"):
        save_narrow(path, epoch=2)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["a.ckpt"]


@pytest.mark.slow
def test_a_full_disk_is_one_error_and_leaves_the_earlier_file(tmp_path):
    """The size limit of files stands in for the disk."""
    before = save_narrow(tmp_path / "a.ckpt").read_bytes()
    program = f"""
import resource
from src.common.cli import run_command
from src.backend.environment import prepare_environment
prepare_environment("CPU")
from tests.support.narrow import save_narrow
from pathlib import Path
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
run_command(lambda: save_narrow(Path({str(tmp_path)!r}) / "a.ckpt"))
"""
    error = run_program(sys.executable, "-c", program).assert_refused()
    assert error.startswith(f"error: Cannot write {tmp_path / 'a.ckpt'} (File too large)") and error.count("\n") == 1
    assert (tmp_path / "a.ckpt").read_bytes() == before and os.listdir(tmp_path) == ["a.ckpt"]


def test_a_place_that_is_no_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="Cannot write"):
        save_narrow(tmp_path / "file" / "a.ckpt")


def test_the_source_is_known_by_its_hash(tmp_path):
    (tmp_path / "abc.ckpt").write_bytes(b"abc")
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, example B.1
    assert file_source(tmp_path / "abc.ckpt") == {"file": "abc.ckpt", "sha256": sha256}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("encoder.stem.conv.weight", np.nan, r"encoder\.stem\.conv\.weight in .*x\.ckpt is not finite: 1 of its 162"),
        ("f_branch.head.conv.bias", np.inf, r"f_branch\.head\.conv\.bias in .*x\.ckpt is not finite: 1 of its 1 "),
        ("encoder.stem.norm.bnorm.moving_variance", -0.5, r"moving_variance .* is a variance and holds -0\.5"),
    ],
)
def test_weights_that_no_training_makes_are_refused_by_name(tmp_path, name, value, message):
    state = narrow_state()
    state[name] = state[name].copy()
    state[name].flat[0] = value
    path = save_narrow(tmp_path / "x.ckpt", state)
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(path)
    with pytest.raises(CheckpointError, match=message):
        load_network(path)


@pytest.mark.parametrize("dtype", [np.int32, np.int8, np.bool_, np.float64])
def test_weights_of_another_type_are_refused_by_name(tmp_path, dtype):
    weights = weights_of(narrow_network())
    weights["f_branch.head.conv.bias"] = ms.Tensor(np.ones(1, dtype))
    save_checkpoint(tmp_path / "x.ckpt", weights, META)
    with pytest.raises(CheckpointError, match=r"f_branch\.head\.conv\.bias in .*x\.ckpt is .*, expected is Float32"):
        read_checkpoint(tmp_path / "x.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": -1}, "`epoch` must be a whole number"),
        ({"step": "3"}, "`step` must be a whole number"),
        ({"scores": None}, "`scores` must be an object"),
        ({"scores": {"mse": "low"}}, "score `mse` must be a number, got 'low'"),
        ({"encoder": 5}, "`encoder` must be a name, got 5"),
        ({"network": "mmnet"}, "says to be of `mmnet`, but describes modnet"),
        ({"preprocess": {"std": [0, 0, 0]}}, "`std` of the pre-processing must be a number"),
        ({"preprocess": {"ref_size": [32768, 32768]}}, "`ref_size` .* got 32768"),
    ],
    ids=str,
)
def test_a_description_with_impossible_values(tmp_path, changes, message):
    text = json.dumps(json.loads(META.to_json()) | changes)
    path = str(tmp_path / "odd.ckpt")
    ms.save_checkpoint(
        [{"name": "x", "data": ms.Tensor([1.0])}], path, append_dict={module.META_KEY: text}, crc_check=True
    )
    with pytest.raises(CheckpointError, match=rf"odd\.ckpt: .*{message}"):
        read_checkpoint(path)


def test_a_training_state_with_nan_is_refused(tmp_path):
    state = {"optimizer/moments": ms.Tensor(np.float32([1, np.nan]))}
    save_checkpoint(tmp_path / "x.ckpt", weights_of(narrow_network()), META, state)
    with pytest.raises(CheckpointError, match=r"optimizer/moments of the training state in .*x\.ckpt holds NaN"):
        read_checkpoint(tmp_path / "x.ckpt")
