"""A whole training run of the narrow network: what it leaves, and that stopping and resuming change nothing."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from src.checkpoint.file import read_checkpoint
from src.config.config import load_config
from src.data.pairs import find_pairs
from src.evaluation.score import evaluate
from src.programs import train
from src.runtime.mindspore_runtime import MindSporePredictor
from src.training.schedule import learning_rate
from src.training.step import TrainStep
from tests.support.programs import ROOT, Outcome, metrics_rows, run_main, write_yaml
from tests.support.training_runs import assert_same_run, interrupted_run, last_checkpoint, whole_run

# Everything that has a state: Adam's moments, moving averages, a rate that depends on the step.
RECIPE = (
    "--optimizer", "adamw", "--weight_decay", 0.01, "--lr", 0.003, "--lr_schedule", "one_cycle",
    "--clip_grad_norm", 5, "--ema_decay", 0.6,
)  # fmt: skip


@pytest.fixture(scope="module")
def straight(tiny_config, tmp_path_factory) -> tuple[Path, Outcome]:
    """The folder of a run of two epochs, and what the program said."""
    folder = tmp_path_factory.mktemp("run") / "output"
    return folder, whole_run(tiny_config, folder, *RECIPE)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_its_files(straight):
    folder, done = straight
    assert sorted(os.listdir(folder / "ckpt")) == [
        "MODNet-1_3.ckpt", "MODNet-2_6.ckpt", "MODNet_best.ckpt", "MODNet_last.ckpt"
    ]  # fmt: skip
    assert sorted(os.listdir(folder)) == [
        "ckpt", "config.yml", "events", "loss.png", "metrics.csv", "sheets", "train.log"
    ]  # fmt: skip
    assert [name.split(".")[0] for name in os.listdir(folder / "events")] == ["events"]
    assert cv2.imread(str(folder / "loss.png")).shape == (400, 1000, 3)
    assert sorted(os.listdir(folder / "sheets")) == ["epoch_001.png", "epoch_002.png"]
    sheet = cv2.imread(str(folder / "sheets" / "epoch_002.png"))
    assert sheet.shape[1] > sheet.shape[0] > 100 and sheet.std() > 10
    lines = (folder / "train.log").read_text().splitlines()
    assert all(line in done.out.splitlines() for line in lines)


def test_log_lines(straight):
    log = (straight[0] / "train.log").read_text()
    number = r"\d+\.\d+"
    pattern = (
        rf"\[TRAIN\] epoch=(\d)/2, iter=(\d)/3, loss={number} \(semantic={number} detail={number} matte={number}\), "
        rf"lr={number}, batch_cost={number} s, reader_cost={number} s, ips={number} images/s \| ETA \d\d:\d\d:\d\d"
    )
    assert re.findall(pattern, log) == [("1", "1"), ("1", "2"), ("1", "3"), ("2", "1"), ("2", "2"), ("2", "3")]
    assert re.findall(rf"\[EVAL\] epoch=(\d), MSE: {number}, MAD: {number} \(2 images", log) == ["1", "2"]
    assert "6 images, 3 steps an epoch, 2 epochs, 0 steps done" in log


def test_metrics_csv(straight, tiny_config):
    table = metrics_rows(straight[0])
    assert tuple(table[0]) == (
        "step", "epoch", "lr", "loss", "semantic", "detail", "matte", "batch_cost", "reader_cost", "val_mse", "val_mad"
    )  # fmt: skip
    assert [row["step"] for row in table] == ["1", "2", "3", "3", "4", "5", "6", "6"]
    rate = learning_rate(load_config(straight[0] / "config.yml").schedule, 3)
    for row in table:
        if row["val_mse"]:
            assert row["loss"] == "" and 0 < float(row["val_mse"]) < 1 and 0 < float(row["val_mad"]) < 1
        else:
            parts = sum(float(row[name]) for name in ("semantic", "detail", "matte"))
            assert float(row["loss"]) == pytest.approx(parts, rel=1e-5)
            assert float(row["lr"]) == pytest.approx(rate(int(row["step"]) - 1), rel=1e-6)


def test_the_saved_configuration_repeats_the_run(straight, tiny_config):
    config = load_config(straight[0] / "config.yml")
    assert (config.optimiser.optimizer, config.optimiser.ema_decay, config.schedule.epoch_size, config.run.resume) == (
        "adamw",
        0.6,
        2,
        None,
    )
    assert config.dataset("train_dataset") == load_config(tiny_config).dataset("train_dataset")


def test_checkpoints_describe_themselves(straight):
    folder, _ = straight
    meta = last_checkpoint(folder).meta
    validated = [row for row in metrics_rows(folder) if row["val_mse"]]
    assert (meta.epoch, meta.step, meta.preprocess.ref_size) == (2, 6, 64)
    assert meta.scores["mse"] == pytest.approx(float(validated[-1]["val_mse"]), rel=1e-6)
    assert meta.train["best_mse"] == pytest.approx(min(float(row["val_mse"]) for row in validated), rel=1e-6)
    first = read_checkpoint(folder / "ckpt" / "MODNet-1_3.ckpt").meta
    assert (first.epoch, first.step) == (1, 3)


@pytest.mark.parametrize("name", ["MODNet_best", "MODNet_last", "MODNet-1_3", "MODNet-2_6"])
def test_a_checkpoint_scores_what_it_says(straight, name):
    """Whoever takes one gets the moving averages that validation scored, not the weights behind them."""
    folder, _ = straight
    predictor, meta = MindSporePredictor.from_checkpoint(folder / "ckpt" / f"{name}.ckpt")
    pairs = find_pairs(load_config(folder / "config.yml").dataset("val_dataset"))
    result = evaluate(predictor, pairs, "m", "s")
    assert result.whole["mse"] == pytest.approx(meta.scores["mse"], rel=1e-6)
    assert result.whole["mad"] == pytest.approx(meta.scores["mad"], rel=1e-6)


def test_the_training_state_holds_the_weights_behind_the_averages(straight):
    folder, _ = straight
    best = read_checkpoint(folder / "ckpt" / "MODNet_best.ckpt")
    assert best.state == {} and best.meta.scores["mse"] == last_checkpoint(folder).meta.train["best_mse"]
    full = read_checkpoint(folder / "ckpt" / f"MODNet-{best.meta.epoch}_{best.meta.step}.ckpt")
    for name, value in best.weights.items():
        np.testing.assert_array_equal(value.asnumpy(), full.weights[name].asnumpy(), err_msg=name)
    trained = {name.removeprefix("trained/"): v for name, v in full.state.items() if name.startswith("trained/")}
    assert set(full.weights) - set(trained) == {name for name in full.weights if ".moving_" in name}
    name = "f_branch.conv_f2x.conv.weight"
    assert np.abs(trained[name].asnumpy() - full.weights[name].asnumpy()).max() > 0


def test_a_signal_and_a_resume_change_nothing(straight, tiny_config, tmp_path):
    """SIGTERM within the second epoch; what is resumed ends as the run that never stopped.

    The folder that was asked for holds a run already, so that the message must name the one that was made.
    """
    taken, folder = tmp_path / "output", tmp_path / "output-2"
    taken.mkdir()
    (taken / "config.yml").write_text("")
    done = interrupted_run(3, tiny_config, taken, *RECIPE)
    assert done.err.splitlines()[-1] == f"error: stopped by SIGTERM; continue with --resume {folder}"
    assert (last_checkpoint(folder).meta.step, last_checkpoint(folder).meta.epoch) == (4, 1)
    done = whole_run(tiny_config, folder, "--resume", folder, *RECIPE)
    assert "resumed at step 4" in done.out
    assert_same_run(straight[0], folder)


def test_a_loss_that_is_no_number_stops_and_saves_nothing(straight, tmp_path):
    """The rate is absurd after resuming at step 3; and as the folder holds a run, this one gets another beside it."""
    folder = shutil.copytree(straight[0], tmp_path / "output")
    before = contents(folder)
    done = run_main(
        train.main, "--config", folder / "config.yml", "--output_path", folder, "--lr", 1e30,
        "--clip_grad_norm", 0, "--resume", straight[0] / "ckpt" / "MODNet-1_3.ckpt",
    )  # fmt: skip
    text = done.assert_refused()
    assert re.search(r"No finite number at step [56]: the loss is NaN", text) and "--clip_grad_norm 1" in text
    assert f"{folder} holds another run, which stays as it is: this run goes to {folder}-2" in done.out
    assert contents(folder) == before
    second = tmp_path / "output-2"
    assert os.listdir(second / "ckpt") == ["MODNet_best.ckpt"]  # of the run that was continued
    best = straight[0] / "ckpt" / "MODNet_best.ckpt"
    assert (second / "ckpt" / "MODNet_best.ckpt").read_bytes() == best.read_bytes()
    assert [row["step"] for row in metrics_rows(second)][:4] == ["1", "2", "3", "3"]


@pytest.mark.slow
def test_weights_that_turn_nan_in_the_last_update_are_not_saved(tiny_config, tmp_path, monkeypatch):
    original = TrainStep.weights

    def broken(self):
        weights = original(self)
        weights["encoder.stem.conv.weight"] *= float("nan")
        return weights

    monkeypatch.setattr(TrainStep, "weights", broken)
    arguments = "--config", tiny_config, "--output_path", tmp_path / "out", "--epoch_size", 1, "--val_interval", 0
    text = run_main(train.main, *arguments).assert_refused()
    assert "1 tensors of the network (encoder.stem.conv.weight, ...) are NaN" in text
    assert not (tmp_path / "out" / "ckpt").exists()


def test_old_interval_checkpoints_go(tmp_path):
    from src.training.run_folder import RunFolder

    folder = RunFolder(tmp_path / "run")
    for epoch in (1, 2, 9, 10, 11):
        folder.epoch(epoch, 3 * epoch).write_bytes(b"")
    folder.last.write_bytes(b"")
    folder.best.write_bytes(b"")
    folder.prune(keep=2)
    assert sorted(os.listdir(folder.checkpoints)) == [
        "MODNet-10_30.ckpt", "MODNet-11_33.ckpt", "MODNet_best.ckpt", "MODNet_last.ckpt"
    ]  # fmt: skip


@pytest.mark.slow
def test_sigterm_from_outside(tiny_config, tmp_path):
    """From a terminal's point of view; with worker processes, and without a validation set."""
    values = yaml.safe_load(tiny_config.read_text())
    del values["val_dataset"]
    config = write_yaml(tmp_path / "plain.yml", values)
    command = [sys.executable, "-u", "train.py", "--config", config, "--output_path", tmp_path / "output"]
    process = subprocess.Popen(
        [*map(str, command), "--epoch_size", "300", "--val_interval", "0", "--workers", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if "first step done" in line:
                break
        process.terminate()
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143
    assert (
        err.splitlines()[-1].startswith("error: stopped by SIGTERM; continue with --resume") and "Traceback" not in err
    )
    assert last_checkpoint(tmp_path / "output").meta.step >= 1
