"""Sides of training samples that no network takes are found before training, by training and by the doctor."""

import pytest

from src.common.errors import ConfigError
from src.config.config import load_config
from src.data.sample_size import check_sample_sides
from src.data.samples import MattingSamples
from src.programs import check_dataset
from tests.support.programs import run_main, tiny_values, write_yaml


def config_with_crop(folder, dataset, side):
    values = tiny_values(dataset, folder / "none.ckpt")
    values["train_dataset"]["transforms"][2]["crop_size"] = [64, side]
    return write_yaml(folder / "crop.yml", values)


@pytest.mark.parametrize(("side", "near"), [(100, "96 or 128 instead of 100"), (20, "32 instead of 20")])
def test_a_side_that_is_no_multiple_names_the_nearest(tmp_path, synthetic_set, side, near):
    config = config_with_crop(tmp_path, synthetic_set, side)
    with pytest.raises(ConfigError, match=rf"images of 64x{side} .* multiples of 32\. Set `crop_size` .*{near}"):
        check_sample_sides(MattingSamples(load_config(config).dataset("train_dataset"), training=True))
    told = run_main(check_dataset.main, config, "--workers", 1)
    assert told.status == 2 and near in told.out and "training would fail" in told.out


def test_sides_that_are_multiples_pass(tmp_path, synthetic_set):
    config = config_with_crop(tmp_path, synthetic_set, 96)
    check_sample_sides(MattingSamples(load_config(config).dataset("train_dataset"), training=True))
    assert run_main(check_dataset.main, config, "--workers", 1).status == 0


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimizer": "sdg"}, "`optimizer` cannot be 'sdg'. Did you mean `sgd`"),
        ({"lr_schedule": "linear"}, "Known are: constant, cosine, one_cycle, zoo"),
        ({"teacher_flip": True}, "`teacher_flip` needs a teacher"),
        ({"amp_level": "O3"}, "amp_level O3 needs GPU or Ascend"),
        ({"encoder": "mobilenet"}, "Did you mean `mobilenetv2`"),
        ({"network": "mmnet", "ckpt_path": None}, "MMNet takes colours in"),
    ],
)
def test_the_doctor_refuses_what_training_refuses(tmp_path, synthetic_set, values, message):
    path = write_yaml(tmp_path / "options.yml", tiny_values(synthetic_set, tmp_path / "none.ckpt") | values)
    told = run_main(check_dataset.main, path, "--workers", 1)
    assert told.status == 2 and message in told.out and "training would fail" in told.out
