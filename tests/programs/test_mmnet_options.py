"""The options that MMNet's users know become a configuration; its scripts' mistakes."""

import os
import shutil
from pathlib import Path

import pytest

from src.common.errors import CheckpointError
from src.config.config import Config, load_config
from src.programs import mmnet as mmnet_options
from src.programs.mmnet import RANDOM_TRANSFORMS, newest_checkpoint
from tests.support.programs import Outcome, checkout, run_main, run_script


@pytest.fixture
def own_layout(tmp_path) -> Path:
    """An empty data set in MMNet's layout."""
    for part in ("train/image", "train/mask", "test/image", "test/mask"):
        (tmp_path / "data" / part).mkdir(parents=True)
    return tmp_path / "data"


def run(task: str, folder: Path, *arguments) -> Outcome:
    return run_main(mmnet_options.main, task, "--write", folder / "written.yml", *arguments)


def written(task: str, folder: Path, *arguments) -> Config:
    done = run(task, folder, *arguments)
    assert done.status == 0, done.err
    return load_config(folder / "written.yml")


def paths(config: Config, section: str) -> tuple[str, str, str]:
    spec = config.dataset(section)
    return spec.dataset_root, spec.img_subpath, spec.alpha_subpath


def test_the_originals_recipe(own_layout, tmp_path):
    config = written("train", tmp_path, own_layout, tmp_path / "run")
    assert (config.network.network, config.network.width_multiplier) == ("mmnet", 1.0)
    assert config.run.output_path == str(tmp_path / "run")
    assert (config.optimiser.optimizer, config.optimiser.weight_decay) == ("adam", 4e-7)
    assert (config.schedule.lr, config.schedule.lr_schedule) == (1e-4, "constant")
    assert (config.schedule.epoch_size, config.run.ckpt_save_steps, config.run.keep_checkpoint_max) == (30000, 500, 3)
    assert (config.network.ckpt_path, config.network.bn_momentum, config.loss.composition) == (None, None, "intended")
    assert config.dataset("train_dataset").batch_size == 32
    assert paths(config, "train_dataset") == (str(own_layout), "train/image", "train/mask")
    assert paths(config, "val_dataset") == (str(own_layout), "test/image", "test/mask")
    assert [t["type"] for t in config.dataset("train_dataset").transforms] == [
        "LoadImages", "ResizeAlignCorners", *RANDOM_TRANSFORMS, "GenTrimap", "Normalize", "Transpose"
    ]  # fmt: skip


def test_every_option_has_its_key(own_layout, tmp_path):
    (tmp_path / "start.ckpt").write_text("")
    config = written(
        "train", tmp_path, own_layout, tmp_path / "run", "--checkpoint_path", tmp_path / "start.ckpt",
        "--train_dir", tmp_path / "other", "--batch_size", 4, "--learning_rate", 0.01, "--step_save_checkpoint", 7,
        "--max_to_keep", 2, "--max_epoch_from_restore", 3, "--augmentation_method", "resize_bilinear",
        "--bn_momentum", 0.9,
    )  # fmt: skip
    assert (config.network.ckpt_path, config.run.output_path) == (str(tmp_path / "start.ckpt"), str(tmp_path / "other"))
    assert (config.schedule.lr, config.run.ckpt_save_steps, config.run.keep_checkpoint_max) == (0.01, 7, 2)
    assert (config.schedule.epoch_size, config.network.bn_momentum) == (3, 0.9)
    train = config.dataset("train_dataset")
    assert train.batch_size == 4
    assert [t["type"] for t in train.transforms] == [
        "LoadImages", "ResizeAlignCorners", "GenTrimap", "Normalize", "Transpose"
    ]  # fmt: skip


def test_p3m_layout_and_another_data_set(own_layout, synthetic_set, tmp_path):
    config = written("train", tmp_path, own_layout, tmp_path / "run", "--dataset_path", synthetic_set)
    assert paths(config, "train_dataset") == (str(synthetic_set), "train/blurred_image", "train/mask")
    part = "validation/P3M-500-P"
    assert paths(config, "val_dataset") == (str(synthetic_set), f"{part}/blurred_image", f"{part}/mask")


def test_everything_by_name(own_layout, tmp_path):
    config = written("train", tmp_path, "--dataset_path", own_layout, "--train_dir", tmp_path / "run")
    assert (config.dataset("train_dataset").dataset_root, config.run.output_path) == (
        str(own_layout),
        str(tmp_path / "run"),
    )


def test_validation_takes_the_newest_checkpoint(own_layout, tmp_path):
    (tmp_path / "run" / "ckpt").mkdir(parents=True)
    for age, name in enumerate(("MMNet_last.ckpt", "MMNet-500.ckpt")):
        (tmp_path / "run" / "ckpt" / name).write_text("")
        os.utime(tmp_path / "run" / "ckpt" / name, (1000 - age, 1000 - age))
    last = tmp_path / "run" / "ckpt" / "MMNet_last.ckpt"
    assert written("validate", tmp_path, own_layout, tmp_path / "run").network.ckpt_path == str(last)
    other = last.with_name("MMNet-500.ckpt")
    config = written("validate", tmp_path, own_layout, tmp_path / "run", "--checkpoint_path", other)
    assert config.network.ckpt_path == str(other) and config.dataset("val_dataset").img_subpath == "test/image"
    assert newest_checkpoint(last.parent) == last
    with pytest.raises(CheckpointError, match=r"No checkpoint at .*empty.*Give a \.ckpt file or the folder of a run"):
        newest_checkpoint(tmp_path / "empty")


def test_mistakes(own_layout, tmp_path):
    assert f"No data set at {tmp_path}/absent" in run("train", tmp_path, tmp_path / "absent", "run").assert_refused()
    assert "Name the data set" in run("train", tmp_path, "--train_dir", "run").assert_refused()
    done = run("train", tmp_path, own_layout, "run", "--learning_rate", "fast")
    assert "`lr` must be float, got 'fast'" in done.assert_refused()
    done = run("train", tmp_path, own_layout, "run", "--augmentation_method", "no_augmentation")
    assert done.status == 2 and "invalid choice: 'no_augmentation'" in done.err
    assert not (tmp_path / "written.yml").exists()


@pytest.mark.parametrize("script", ["train_mmnet.sh", "validate_mmnet.sh"])
def test_scripts_without_arguments(tmp_path, script):
    done = run_script(checkout(tmp_path / "copy"), script)
    assert done.status == 2 and done.out == "" and f"bash scripts/{script} DATASET TRAIN_DIR" in done.err


@pytest.mark.slow
def test_the_validation_script_runs_eval(tmp_path, own_layout):
    """As far as its first mistake: a checkpoint that is none."""
    copy = checkout(tmp_path / "copy")
    shutil.copytree(mmnet_options.DEFAULT_CONFIG.parent, copy / "configs")
    for part in ("image", "mask"):
        (own_layout / "test" / part / "a.png").write_bytes(b"")
    (tmp_path / "bad.ckpt").write_text("x")
    done = run_script(copy, "validate_mmnet.sh", own_layout, tmp_path, "--checkpoint_path", tmp_path / "bad.ckpt",
                      FOREGROUND="1")  # fmt: skip
    assert done.status == 2 and "bad.ckpt" in done.out
    assert not (copy / "eval").exists()  # the link points to runs that have started
    (run,) = (copy / "runs").iterdir()
    config = load_config(run / "config.yml")
    assert config.network.ckpt_path == str(tmp_path / "bad.ckpt")
