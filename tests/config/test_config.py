"""YAML and command line become one checked configuration."""

import argparse
import dataclasses
from pathlib import Path

import pytest
import yaml

from src.common.errors import ConfigError
from src.config.config import Config, load_config, options
from src.config.options import add_arguments, config_from_args
from src.data.samples import check_transforms
from tests.support.programs import ROOT, tiny_values, write_yaml

SHIPPED = [ROOT / "P3M.yml", *sorted((ROOT / "configs").glob("*.yml"))]


def parsed(*arguments: str) -> Config:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return config_from_args(parser.parse_args(arguments))


def file_with(folder: Path, **values) -> str:
    return str(write_yaml(folder / "some.yml", values))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_every_shipped_file_loads_and_can_train(path, monkeypatch):
    for module in ("background", "scene", "group"):
        made_later = f"src.data.transforms.{module}.images"
        monkeypatch.setattr(made_later, lambda folder, *_: (Path(folder) / "made later.jpg",))
    config = load_config(path)
    assert check_transforms(config.dataset("train_dataset"), training=True)
    assert check_transforms(config.dataset("val_dataset"), training=False)
    saved = set(yaml.safe_load(path.read_text()))
    assert saved <= set(options())


def test_the_zoos_recipe():
    config = load_config(ROOT / "P3M.yml")
    schedule, optimiser = config.schedule, config.optimiser
    assert (schedule.lr, optimiser.optimizer, optimiser.momentum, schedule.lr_schedule) == (0.01, "sgd", 0.9, "zoo")
    assert (config.schedule.epoch_size, config.dataset("train_dataset").batch_size) == (40, 16)
    assert (config.loss.semantic_scale, config.loss.detail_scale, config.loss.matte_scale) == (10, 10, 1)
    assert config.network.backbone_pretrained is True and config.run.device_target == "auto"


def test_command_line_over_yaml_over_defaults(tmp_path):
    path = file_with(tmp_path, lr=0.5, epoch_size=7)
    config = parsed("--config", path, "--lr", "0.25")
    assert (config.schedule.lr, config.schedule.epoch_size, config.optimiser.momentum) == (0.25, 7, 0.9)
    # a flag that repeats the default still wins over the YAML
    assert parsed("--config", path, "--lr", "0.01").schedule.lr == 0.01
    assert parsed() == Config() == load_config(None)


def test_flags_become_the_types_of_their_fields(tmp_path):
    config = parsed(
        "--lr", "1e-3", "--epoch_size", "3", "--backbone_pretrained", "False", "--freeze_norm", "True", "--resume",
        "None", "--workers", "None", "--output_path", "1"
    )  # fmt: skip
    assert (config.schedule.lr, config.schedule.epoch_size) == (0.001, 3)
    assert (config.network.backbone_pretrained, config.network.freeze_norm) == (False, True)
    assert config.run.resume is None and config.data.workers is None and config.run.output_path == "1"
    assert load_config(file_with(tmp_path, lr="1e-3", ema_decay=0)).schedule.lr == 0.001  # YAML reads 1e-3 as a text


@pytest.mark.parametrize(
    ("text", "value"),
    [("False", False), ("false", False), ("no", False), ("0", False), ("True", True), ("yes", True), ("1", True)],
)
def test_booleans(text, value):
    assert parsed("--freeze_norm", text).network.freeze_norm is value
    assert parsed("--backbone_pretrained", text).network.backbone_pretrained is value


def test_backbone_may_be_a_path():
    assert parsed("--backbone_pretrained", "pretrained/mine.ckpt").network.backbone_pretrained == "pretrained/mine.ckpt"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epoch_sise": 3}, r"some\.yml: unknown key `epoch_sise`\. Did you mean `epoch_size`\?"),
        ({"LR": 0.1}, "unknown key `LR`. Did you mean `lr`"),
        (
            {"train_dataset": {"dataset_root": "x", "bach_size": 1}},
            "`bach_size` in `train_dataset`. Did you mean `batch_size`",
        ),
        ({"val_dataset": [1]}, "`val_dataset` must be a section"),
        ({"device_target": "gpu"}, "Did you mean `GPU`"),
        ({"amp_level": "O1"}, "`amp_level` cannot be 'O1'"),
        ({"epoch_size": 2.5}, "`epoch_size` must be int, got 2.5"),
        ({"epoch_size": "many"}, "`epoch_size` must be int, got 'many'"),
        ({"epoch_size": True}, "`epoch_size` must be int, got True"),
        ({"epoch_size": None}, "`epoch_size` must be int, got None"),
        ({"epoch_size": 0}, "`epoch_size` must be at least 1, got 0"),
        ({"batch_size": 0}, "`batch_size` must be at least 1"),
        ({"lr": "fast"}, "`lr` must be float, got 'fast'"),
        ({"lr": [0.1]}, "`lr` must be float"),
        ({"lr": True}, "`lr` must be float, got True"),
        ({"lr": 0}, "`lr` must be above 0"),
        ({"lr": float("nan")}, "`lr` must be above 0"),
        ({"weight_decay": -1}, "`weight_decay` must be at least 0"),
        ({"momentum": 1}, r"`momentum` must lie in \[0, 1\), got 1"),
        ({"ema_decay": 1.5}, r"`ema_decay` must lie in \[0, 1\)"),
        ({"freeze_norm": "maybe"}, "`freeze_norm` must be bool, got 'maybe'"),
        ({"ckpt_path": 5}, "`ckpt_path` must be str, got 5"),
    ],
)
def test_wrong_values_say_what_is_wanted(tmp_path, values, message):
    with pytest.raises(ConfigError, match=message):
        load_config(file_with(tmp_path, **values))


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", "is no valid YAML"), ("- 1\n- 2\n", "holds no `key: value` lines"), ("", "holds no `key: value` lines")],
)
def test_files_that_are_no_configuration(tmp_path, content, message):
    (tmp_path / "bad.yml").write_text(content)
    with pytest.raises(ConfigError, match=rf"bad\.yml {message}"):
        load_config(tmp_path / "bad.yml")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match=r"Cannot read the configuration .*absent\.yml \(No such file"):
        load_config(tmp_path / "absent.yml")
    (tmp_path / "latin.yml").write_bytes(b"lr: 0.1 # \xe9\n")
    with pytest.raises(ConfigError, match=r"latin\.yml is no valid YAML"):
        load_config(tmp_path / "latin.yml")


def test_a_missing_section_is_named():
    with pytest.raises(ConfigError, match=r"no `val_dataset` section\. P3M\.yml shows one"):
        Config().dataset("val_dataset")


def test_batch_size_and_workers_of_the_run_replace_the_data_sets(tmp_path):
    path = write_yaml(tmp_path / "tiny.yml", tiny_values(tmp_path, tmp_path))
    spec = parsed("--config", str(path), "--batch_size", "5", "--workers", "1").dataset("train_dataset")
    assert (spec.batch_size, spec.workers) == (5, 1)
    spec = parsed("--config", str(path)).dataset("train_dataset")
    assert (spec.batch_size, spec.workers) == (2, 0)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_saved_configuration_loads_as_the_same(tmp_path, path):
    config = load_config(path).replaced(lr=3e-5, resume=None, ckpt_path="权重.ckpt", workers=0)
    config.save(tmp_path / "config.yml")
    assert load_config(tmp_path / "config.yml") == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().lr = 1.0
