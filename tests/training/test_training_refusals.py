"""What train.py refuses, before any step: exit status 2 and one text that says what to do, without a traceback."""

import shutil
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import yaml

from src.checkpoint.file import Meta, read_checkpoint, save_checkpoint
from src.programs import train
from src.spec.modnet import modnet_spec
from tests.support.narrow import narrow_spec, narrow_state
from tests.support.programs import run_main, run_program, write_yaml


@pytest.fixture
def refused(tiny_config, tmp_path):
    """Call train.py on the tiny configuration, changed by the keywords, and return its error."""

    def call(*arguments, **values) -> str:
        keys = {"output_path": str(tmp_path / "output")} | values
        config = yaml.safe_load(tiny_config.read_text()) | keys
        path = write_yaml(tmp_path / "changed.yml", {k: v for k, v in config.items() if v is not ...})
        text = run_main(train.main, "--config", path, *arguments).assert_refused()
        assert not (tmp_path / "output").exists() or not list((tmp_path / "output").rglob("*.ckpt"))
        return text

    return call


@pytest.fixture
def dataset(tiny_config, tmp_path):
    """A copy of the data set to break, and the section that reads it."""
    section = yaml.safe_load(tiny_config.read_text())["train_dataset"]
    root = shutil.copytree(section["dataset_root"], tmp_path / "set")
    return root, section | {"dataset_root": str(root)}


def encoder_file(path: Path, state: dict[str, np.ndarray], name: str = "mobilenetv2") -> Path:
    weights = {key: ms.Tensor(value) for key, value in state.items() if key.startswith("encoder.")}
    save_checkpoint(path, weights, Meta("encoder", name, None))
    return path


def test_an_unknown_key(refused):
    text = refused(epoch_sise=3)
    assert "changed.yml: unknown key `epoch_sise`. Did you mean `epoch_size`?" in text


def test_an_unknown_encoder(refused):
    assert "`encoder` cannot be 'mobilenetv3'. Did you mean `mobilenetv2`?" in refused(encoder="mobilenetv3")


def test_a_batch_larger_than_the_set(refused):
    text = refused("--batch_size", 7)
    assert "has 6 images, but one step needs 7" in text and "batch_size of at most 6" in text


def test_a_missing_data_set(refused, dataset, tmp_path):
    text = refused(train_dataset=dataset[1] | {"dataset_root": str(tmp_path / "absent")})
    assert str(tmp_path / "absent") in text
    for remedy in ("P3M-10k", "make_synthetic.py", "prepare_ccp.py"):
        assert remedy in text


def test_an_empty_folder(refused, dataset):
    root, section = dataset
    shutil.rmtree(root / "train" / "blurred_image")
    (root / "train" / "blurred_image").mkdir()
    assert str(root / "train" / "blurred_image") in refused(train_dataset=section)


def test_a_image_without_alpha(refused, dataset):
    root, section = dataset
    (root / "train" / "mask" / "t00002.png").unlink()
    assert "t00002" in refused(train_dataset=section)


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_a_truncated_image(refused, dataset, workers):
    """Found by a worker in the midst of training: still a text that names the file."""
    root, section = dataset
    for image in (root / "train" / "blurred_image").iterdir():
        image.write_bytes(image.read_bytes()[:400])
    text = refused("--workers", workers, train_dataset=section)
    assert f"{root}/train/blurred_image/t0000" in text


@pytest.mark.slow
def test_a_missing_backbone(refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = refused(ckpt_path=..., backbone_pretrained=True)
    assert "No pretrained mobilenetv2 backbone at pretrained/mindspore_mobilenetv2_human_seg.ckpt" in text
    for remedy in ("python get_init_weight.py`", "--input efficientnet_lite0", "backbone_pretrained: False"):
        assert remedy in text
    text = refused(ckpt_path=..., backbone_pretrained="absent.ckpt", encoder="efficientnet_lite0")
    assert "No pretrained efficientnet_lite0 backbone at absent.ckpt" in text


@pytest.mark.slow
def test_backbones_of_another_network(refused, tmp_path):
    narrow = encoder_file(tmp_path / "narrow.ckpt", narrow_state())
    text = refused(ckpt_path=..., backbone_pretrained=str(narrow))
    assert (f"{narrow} does not fit the network: " in text and "and 254 more" in text) or "more." in text
    other = encoder_file(tmp_path / "lite.ckpt", narrow_state(), "efficientnet_lite0")
    text = refused(ckpt_path=..., backbone_pretrained=str(other))
    assert "holds a efficientnet_lite0 encoder, but the configuration asks for mobilenetv2" in text


def test_checkpoints_of_another_network(refused, tmp_path, narrow_ckpt):
    mixed = tmp_path / "mixed.ckpt"
    wider = Meta("modnet", "mobilenetv2", modnet_spec(narrow_spec().encoder, hr=8))
    save_checkpoint(mixed, read_checkpoint(narrow_ckpt).weights, wider)
    assert f"{mixed} does not fit the network: " in refused(ckpt_path=str(mixed))
    encoder = encoder_file(tmp_path / "encoder.ckpt", narrow_state())
    assert "Give it as --backbone_pretrained, not --ckpt_path" in refused(ckpt_path=str(encoder))


@pytest.mark.parametrize("flag", ["--ckpt_path", "--resume"])
def test_truncated_and_foreign_checkpoints(refused, tmp_path, narrow_ckpt, flag):
    cut = tmp_path / "cut.ckpt"
    cut.write_bytes(narrow_ckpt.read_bytes()[:-1000])
    assert "is no whole MindSpore checkpoint: it is truncated" in refused(flag, cut)
    ms.save_checkpoint([{"name": "x", "data": ms.Tensor([1.0])}], str(tmp_path / "other.ckpt"))
    assert "does not say which network it belongs to" in refused(flag, tmp_path / "other.ckpt")


def test_nothing_to_resume(refused, tmp_path):
    text = refused("--resume", tmp_path / "absent")
    assert f"Nothing to resume at {tmp_path / 'absent'}" in text and "absent/ckpt/*_last.ckpt" in text


def resumable(path: Path, checkpoint: Path, **train_state) -> Path:
    """The narrow network's checkpoint with the order of the tiny configuration, three steps done."""
    order = {"seed": 2022, "pictures": 6, "step_pictures": 2, "optimizer": "sgd"} | train_state
    fields = Meta("modnet", "mobilenetv2", narrow_spec(), epoch=1, step=3, train=order)
    save_checkpoint(path, read_checkpoint(checkpoint).weights, fields)
    return path


@pytest.mark.parametrize(
    ("flag", "value", "name", "message"),
    [
        ("--seed", 7, "seed", "its seed was 2022, now it is 7"),
        ("--batch_size", 3, "step_pictures", "its step_pictures was 2, now it is 3"),
        ("--optimizer", "adam", "optimizer", "its optimizer was sgd, now it is adam"),
        ("--epoch_size", 1, None, "has finished its 1 epochs. Raise --epoch_size"),
        ("--lr", 0.1, None, "of the training state: it holds weights alone"),
    ],
)
def test_a_resume_that_would_not_continue_the_run(refused, tmp_path, narrow_ckpt, flag, value, name, message):
    path = resumable(tmp_path / "MODNet_last.ckpt", narrow_ckpt)
    text = refused(flag, value, "--resume", path)
    assert message in text and str(path) in text


@pytest.mark.slow
def test_an_output_folder_that_cannot_be_written(refused, tmp_path):
    (tmp_path / "file").write_text("")
    text = refused(output_path=str(tmp_path / "file" / "output"))
    assert f"Cannot write to {tmp_path / 'file' / 'output'}" in text and "output folder" in text
    if Path("/proc/self").is_dir():  # read-only even for root
        assert "Cannot write to /proc/self" in refused(output_path="/proc/self/output")


def test_what_the_cpu_cannot_do(refused):
    assert "amp_level O3 needs GPU or Ascend" in refused("--amp_level", "O3")
    assert "sync_bn needs Ascend" in refused("--sync_bn", True)
    assert "The device Ascend was asked for" in refused("--device_target", "Ascend")


def test_two_normalisations(refused, dataset):
    _, section = dataset
    transforms = [t | {"mean": [0, 0, 0]} if t["type"] == "Normalize" else t for t in section["transforms"]]
    text = refused(train_dataset=section | {"transforms": transforms})
    assert "`Normalize` differs between train_dataset and val_dataset" in text


@pytest.mark.slow
def test_distribute_without_msrun(tiny_config, tmp_path):
    done = run_program(
        sys.executable, "train.py", "--config", tiny_config, "--distribute", True, "--output_path", tmp_path / "output"
    )
    assert "run_distributed_train_gpu.sh" in done.assert_refused()


@pytest.mark.slow
def test_as_a_program(tiny_config, tmp_path):
    done = run_program(sys.executable, "train.py", "--config", tiny_config, "--ckpt_path", tmp_path / "absent.ckpt")
    assert f"No checkpoint at {tmp_path / 'absent.ckpt'}" in done.assert_refused()
    assert run_program(sys.executable, "train.py", "--no_such_flag", 1).status == 2
