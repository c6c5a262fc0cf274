"""Adaptation of the narrow network: the backup, frozen norms, a whole run and its resumption, refusals."""

import shutil
from pathlib import Path

import cv2
import mindspore as ms
import numpy as np
import pytest
import yaml

from src.checkpoint.file import Checkpoint, Meta, read_checkpoint, save_checkpoint, weights_of
from src.config.config import Config
from src.models.build import build_network
from src.models.norms import freeze_batch_norm
from src.programs import train
from src.spec.mmnet import mmnet_spec
from src.training.adaptation import AdaptationStep
from tests.support.narrow import narrow_batch, narrow_network
from tests.support.programs import Outcome, run_main, write_yaml
from tests.support.steps import adaptation_step
from tests.support.training_runs import assert_same_run, interrupted_run, last_checkpoint, untimed_rows, whole_run

CONFIG = Config.from_values(optimizer="adam", lr=1e-3, beta2=0.99)


def values(cell) -> dict[str, np.ndarray]:
    return {name: value.asnumpy() for name, value in weights_of(cell).items()}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert set(one) == set(other) and one
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.fixture(scope="module")
def stepped() -> tuple[AdaptationStep, dict, dict, list]:
    """Three steps of an epoch, its end, and one more: the step, weights at the start and at the end of the epoch."""
    cell = narrow_network().set_train(True)
    freeze_batch_norm(cell)
    step, image = adaptation_step(cell, CONFIG), narrow_batch(64, 2)[0]
    before, backup = values(cell), []
    results = []
    for i in range(3):
        results.append(step((image,), 1e-3, i))
        backup.append(values(step.backup))
    for each in backup:
        assert_equal(each, before)
    end = values(cell)
    step.end_epoch()
    results.append(step((image,), 1e-3, 3))
    return step, before, end, results


def test_the_backup_is_the_network_of_the_last_epochs_end(stepped):
    step, before, end, _ = stepped
    assert_equal(values(step.backup), end)
    assert any(np.abs(end[name] - before[name]).max() > 0 for name in end)
    after = values(step.network)
    assert np.abs(after["f_branch.conv_f.conv.weight"] - end["f_branch.conv_f.conv.weight"]).max() > 0


def test_norms_keep_their_statistics_and_learn_their_affine(stepped):
    step, before, _, _ = stepped
    after = values(step.network)
    gamma = "encoder.stem.norm.bnorm.gamma"
    statistics = [name for name in after if name.rpartition(".")[2] in ("moving_mean", "moving_variance")]
    assert len(statistics) > 20
    for name in statistics:
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)
    assert np.abs(after[gamma] - before[gamma]).max() > 0


def test_details_are_held_to_the_backups(stepped):
    """Right after a renewal there is nothing that could differ; then it grows, and semantics become consistent."""
    results = [result.parts for result in stepped[3]]
    assert results[0]["soc_detail"] == pytest.approx(0, abs=1e-6) and results[3]["soc_detail"] < 1e-6
    assert results[1]["soc_detail"] > 1e-5
    assert results[3]["soc_semantic"] < 0.9 * results[0]["soc_semantic"]


def test_nothing_of_the_backup_is_trained(stepped):
    step = stepped[0]
    assert not step.backup.trainable_params()
    ours = {id(p) for p in step.network.get_parameters()}
    assert not ours & {id(p) for p in step.backup.get_parameters()}
    state = step.state()
    assert {name.removeprefix("backup/") for name in state if name.startswith("backup/")} == set(values(step.backup))


@pytest.fixture(scope="module")
def straight(soc_config, tmp_path_factory) -> tuple[Path, Outcome]:
    folder = tmp_path_factory.mktemp("run") / "output"
    return folder, whole_run(soc_config, folder, "--soc")


def test_a_run_scores_before_it_steps_and_logs_both_parts(straight):
    folder, done = straight
    table = untimed_rows(folder)
    assert [(row["step"], bool(row["val_mse"])) for row in table] == [
        ("0", True), ("1", False), ("2", False), ("3", False), ("3", True),
        ("4", False), ("5", False), ("6", False), ("6", True),
    ]  # fmt: skip
    for row in table:
        if not row["val_mse"]:
            assert float(row["loss"]) == pytest.approx(float(row["soc_semantic"]) + float(row["soc_detail"]), rel=1e-5)
    detail = {row["step"]: float(row["soc_detail"]) for row in table if row["loss"]}
    assert max(detail["1"], detail["4"]) < 1e-5 < min(detail["2"], detail["3"], detail["5"])  # renewed after step 3
    assert "(soc_semantic=" in done.out and "[EVAL] epoch=0, MSE:" in done.out
    assert yaml.safe_load((folder / "config.yml").read_text())["soc"] is True


def test_a_resumed_run_equals_an_uninterrupted_one(straight, soc_config, tmp_path):
    """SIGTERM within the second epoch, when network and backup differ; the backup goes on as it was."""
    folder = tmp_path / "output"
    interrupted_run(3, soc_config, folder, "--soc")
    stopped = last_checkpoint(folder)
    assert stopped.meta.step == 4
    epoch = read_checkpoint(folder / "ckpt" / "MODNet-1_3.ckpt")
    trained = epoch.weights | part_of_state(epoch, "trained/")
    assert_equal({n: v.asnumpy() for n, v in trained.items()},
                 {n: v.asnumpy() for n, v in part_of_state(stopped, "backup/").items()})  # fmt: skip
    done = whole_run(folder / "config.yml", folder, "--resume", folder)
    assert "epoch=0" not in done.out
    assert_same_run(straight[0], folder)


def part_of_state(checkpoint: Checkpoint, prefix: str) -> dict[str, ms.Parameter]:
    return {name.removeprefix(prefix): v for name, v in checkpoint.state.items() if name.startswith(prefix)}


@pytest.fixture
def refused(soc_config, tmp_path):
    """Call train.py on the configuration, changed by the keywords (`...`: left out), and return its error."""

    def call(*arguments, **changes) -> str:
        config = yaml.safe_load(soc_config.read_text()) | {"output_path": str(tmp_path / "output")} | changes
        path = write_yaml(tmp_path / "changed.yml", {k: v for k, v in config.items() if v is not ...})
        text = run_main(train.main, "--config", path, *arguments).assert_refused()
        assert not (tmp_path / "output").exists()
        return text

    return call


def test_without_a_trained_network(refused):
    assert "give the checkpoint of a trained MODNet as --ckpt_path" in refused("--soc", ckpt_path=...)
    text = refused("--soc", from_scratch=True, norm="batch")
    assert "`from_scratch` does not go with it. Leave `from_scratch` and `norm` out" in text


@pytest.mark.slow
def test_another_network(refused, tmp_path):
    network = build_network(mmnet_spec(0.5))
    path = tmp_path / "mmnet.ckpt"
    save_checkpoint(path, weights_of(network), Meta("mmnet", None, mmnet_spec(0.5)))
    assert "a network 'mmnet' has no such parts" in refused("--soc", "--ckpt_path", path)


def test_a_state_without_backup_is_no_run_to_resume(refused, straight, tmp_path):
    checkpoint = last_checkpoint(straight[0])
    state = {name: ms.Tensor(v) for name, v in checkpoint.state.items() if not name.startswith("backup/")}
    path = tmp_path / "MODNet-1_3.ckpt"
    save_checkpoint(path, {n: ms.Tensor(v) for n, v in checkpoint.weights.items()}, checkpoint.meta, state)
    assert "lacks 'backup/" in refused("--soc", "--resume", path, "--epoch_size", 3)


@pytest.mark.parametrize("scale", ["soc_semantic_scale", "soc_detail_scale"])
def test_a_negative_scale(refused, scale):
    assert f"`{scale}` must be at least 0, got -1.0" in refused("--soc", f"--{scale}", "-1")


def test_labelled_and_unlabelled_sets_are_not_mixed_up(refused, tiny_config):
    labelled = yaml.safe_load(tiny_config.read_text())["train_dataset"]
    assert "the train_dataset's name is 'P3M-10k'. Use `name: unlabelled`" in refused("--soc", train_dataset=labelled)
    assert "have no alphas to learn from or to score with" in refused()
    validation = yaml.safe_load(tiny_config.read_text())["val_dataset"]
    assert "have no alphas" in refused("--soc", val_dataset=validation | {"name": "unlabelled"})


def test_images_that_are_too_small(refused, soc_config, tmp_path):
    section = yaml.safe_load(soc_config.read_text())["train_dataset"]
    folder = shutil.copytree(section["dataset_root"], tmp_path / "pictures")
    cv2.imwrite(str(folder / "small.png"), np.zeros((40, 31, 3), np.uint8))
    text = refused("--soc", train_dataset=section | {"dataset_root": str(folder)})
    assert "small.png' is 31x40 (width x height): the network needs sides of at least 32 pixels" in text
