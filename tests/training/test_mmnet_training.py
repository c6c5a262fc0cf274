"""Training MMNet: gradients against PyTorch, and whole runs of train.py and eval.py."""

import csv
import json
import os
import re
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch
import yaml

from src.checkpoint.file import Meta, read_checkpoint, save_checkpoint, weights_of
from src.config.config import Config, load_config
from src.losses import objective_of
from src.models.build import build_network
from src.models.layers import NormAct
from src.programs import eval as eval_program
from src.programs import train as train_program
from src.spec.mmnet import mmnet_spec
from src.spec.preprocess import Preprocess
from src.training.inputs import find_inputs
from src.training.network import Start, start_network
from src.training.step import depthwise_weights
from tests.losses.test_mmnet_losses import torch_losses
from tests.support.narrow_mmnet import Oracle, narrow_mmnet, narrow_mmnet_spec, narrow_mmnet_state
from tests.support.programs import Outcome, run_main, tiny_values, write_yaml
from tests.support.steps import train_step

CONFIG = Config.from_values(network="mmnet", optimizer="adam", lr=0.25, weight_decay=0.5, lambda_grad_loss=3.0)
WEIGHTS = (1, 1, 3, 1, 1)


@pytest.mark.slow
def test_every_parameter_has_pytorchs_gradient():
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 1, (2, 3, 64, 64)).astype(np.float32)
    alpha = np.clip(1.5 * image.mean(axis=1, keepdims=True) - 0.25, 0, 1)
    network = narrow_mmnet().set_train(True)
    losses = objective_of("mmnet", CONFIG.loss).losses

    def total(image: ms.Tensor, alpha: ms.Tensor) -> ms.Tensor:
        return sum(losses(network(image), image, alpha, alpha))

    parameters = network.trainable_params()
    value, gradients = ms.value_and_grad(total, None, parameters)(ms.Tensor(image), ms.Tensor(alpha))
    oracle = Oracle(narrow_mmnet_spec(), narrow_mmnet_state(), training=True)
    trained = {name: tensor.requires_grad_() for name, tensor in oracle.state.items() if "moving" not in name}
    parts = torch_losses(*oracle(image), *(torch.from_numpy(x).double() for x in (image, alpha)))
    expected = sum(weight / sum(WEIGHTS) * part for weight, part in zip(WEIGHTS, parts, strict=True))
    expected.backward()
    assert float(value.asnumpy()) == pytest.approx(expected.item(), rel=1e-5)
    assert {p.name for p in parameters} == set(trained)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        theirs = trained[parameter.name].grad.numpy()
        atol = 1e-3 * np.abs(theirs).max() + 1e-6
        np.testing.assert_allclose(gradient.asnumpy(), theirs, rtol=0, atol=atol, err_msg=parameter.name)


@pytest.mark.slow
def test_weight_decay_spares_depthwise_kernels_norms_and_biases():
    """Where there is no gradient, Adam's first step is the rate, in the direction of the decay alone."""
    network = narrow_mmnet().set_train(True)
    step = train_step(network, CONFIG)
    step.optimizer.learning_rate.set_data(ms.Tensor(CONFIG.schedule.peak, ms.float32))
    step.optimizer(tuple(ms.Tensor(np.zeros(p.shape, np.float32)) for p in step.optimizer.parameters))
    before = narrow_mmnet_state()
    moved = {p.name for p in network.get_parameters() if not np.array_equal(p.asnumpy(), before[p.name])}
    assert moved == {p.name for p in network.get_parameters() if p.ndim > 1} - depthwise_weights(network)
    name = "decoder.head.weight"
    shift = -0.25 * np.sign(before[name])
    np.testing.assert_allclose(dict(network.parameters_and_names())[name].asnumpy(), before[name] + shift, atol=1e-4)


@pytest.mark.slow
def test_which_kernels_are_depthwise():
    names = depthwise_weights(build_network(mmnet_spec(0.5)))
    # A branch has one, with stride 2 another one; the two joins have one each.
    assert len(names) == (4 + 3 + 2) * 2 + 3 * 4 + 3 * 3 + 2 + 2 * 3 + 2
    assert all(".branches." in name or ".skip.0." in name for name in names)


@pytest.fixture(scope="module")
def configuration(synthetic_set, tmp_path_factory) -> Path:
    """YAML: the narrow MMNet on six generated portraits, three steps an epoch."""
    folder = tmp_path_factory.mktemp("mmnet")
    spec = narrow_mmnet_spec()
    save_checkpoint(folder / "start.ckpt", weights_of(narrow_mmnet()), Meta("mmnet", None, spec, Preprocess()))
    values = tiny_values(synthetic_set, folder / "start.ckpt") | {
        "network": "mmnet", "optimizer": "adam", "lr": 0.001, "lr_schedule": "constant", "bn_momentum": 0.25,
        "ckpt_save_interval": 0, "ckpt_save_steps": 2, "keep_checkpoint_max": 2,
    }  # fmt: skip
    for section in ("train_dataset", "val_dataset"):
        for transform in values[section]["transforms"]:
            if transform["type"] == "ResizeByShort":
                transform.update(type="ResizeAlignCorners", target_size=[64, 64])
                del transform["ref_size"]
            if transform["type"] == "Normalize":
                transform.update(mean=[0, 0, 0], std=[1, 1, 1])
    return write_yaml(folder / "mmnet.yml", values)


@pytest.fixture(scope="module")
def trained(configuration) -> tuple[Path, Outcome]:
    folder = configuration.parent / "output"
    done = run_main(train_program.main, "--config", configuration, "--output_path", folder)
    assert done.status == 0, done.err
    return folder, done


def test_a_run_logs_its_own_losses(trained):
    folder, done = trained
    number = r"\d+\.\d+"
    parts = " ".join(f"{name}={number}" for name in ("alpha", "comp", "grad", "kd", "aux"))
    assert len(re.findall(rf"iter=\d/3, loss={number} \({parts}\), lr=0\.001000", done.out)) == 6
    with (folder / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    for row in rows:
        total = sum(float(row[name]) for name in ("alpha", "comp", "grad", "kd", "aux"))
        assert float(row["loss"]) == pytest.approx(total, rel=1e-5)


def test_checkpoints_by_steps_bear_the_networks_name(trained):
    folder, _ = trained
    assert sorted(os.listdir(folder / "ckpt")) == [
        "MMNet-4.ckpt", "MMNet-6.ckpt", "MMNet_best.ckpt", "MMNet_last.ckpt"
    ]  # fmt: skip
    meta = read_checkpoint(folder / "ckpt" / "MMNet-4.ckpt").meta
    assert (meta.network, meta.encoder, meta.spec, meta.step) == ("mmnet", None, narrow_mmnet_spec(), 4)
    assert meta.preprocess == Preprocess((0, 0, 0), (1, 1, 1), ref_size=(64, 64))


def test_a_finished_run_is_found_by_its_folder(trained, configuration):
    done = run_main(train_program.main, "--config", configuration, "--output_path", trained[0], "--resume", trained[0])
    assert f"{trained[0]}/ckpt/MMNet_last.ckpt has finished its 2 epochs" in done.assert_refused()


def test_eval_gives_mmnets_measures_beside_the_standard_ones(trained, configuration):
    folder = configuration.parent / "eval"
    checkpoint = trained[0] / "ckpt" / "MMNet_last.ckpt"
    arguments = ("--config", configuration, "--ckpt_path", checkpoint, "--output_path", folder)
    done = run_main(eval_program.main, *arguments)
    assert done.status == 0, done.err
    result = json.loads((folder / "eval.json").read_text())
    assert set(result["whole"]) >= {"mse", "mad", "grad"}
    names = {"mad_network", "gauss_grad_network", "mad_800_600", "gauss_grad_800_600"}
    assert set(result["mmnet"]) == names
    for name in names:
        values = [row["mmnet"][name] for row in result["per_picture"]]
        assert len(values) == 2 and result["mmnet"][name] == pytest.approx(np.mean(values))
    # Sizes alone differ: the network's matte and the image's alpha are the same.
    assert result["mmnet"]["mad_network"] == pytest.approx(result["whole"]["mad"], rel=0.1)


def start_from(config: Config) -> Start:
    return start_network(config.network, None, seed=0, pre=find_inputs(config).preprocess)


def test_the_momentum_reaches_the_network(configuration):
    network = start_from(load_config(configuration)).network
    norms = [cell for _, cell in network.cells_and_names() if isinstance(cell, NormAct)]
    assert {cell.bnorm.momentum for cell in norms} == {0.75}


@pytest.mark.slow
def test_a_new_network_of_the_configured_width(configuration):
    config = load_config(configuration, {"ckpt_path": None, "width_multiplier": 0.5})
    start = start_from(config)
    assert start.spec == mmnet_spec(0.5) and find_inputs(config).preprocess.ref_size == (64, 64)
    assert sum(p.size for p in start.network.trainable_params()) == 64_260


def test_colours_must_lie_between_0_and_1(configuration, tmp_path):
    values = yaml.safe_load(configuration.read_text())
    for section in ("train_dataset", "val_dataset"):
        values[section]["transforms"][-2] = {"type": "Normalize"}
    path = write_yaml(tmp_path / "shifted.yml", values)
    done = run_main(train_program.main, "--config", path, "--output_path", tmp_path / "out")
    assert "MMNet takes colours in [0, 1]" in done.assert_refused()
