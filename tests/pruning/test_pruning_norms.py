"""What batch norm costs and saves in the place of instance norm, and the choice by it."""

import csv

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference.golden import image
from src.checkpoint.file import load_network
from src.programs import prune
from src.pruning.norms import (
    COLUMNS,
    NormTable,
    NormTrial,
    batch_normalised,
    input_statistics,
    instance_norms,
    measure_norms,
)
from src.pruning.surgery import arrays_of
from src.spec.blocks import Norm
from src.spec.variants import with_norm
from tests.support.narrow import narrow_network, narrow_spec
from tests.support.programs import run_main

LAYER = "lr_branch.conv_lr8x.norm"  # 3 batch- and 3 instance-normalised channels


@pytest.fixture(scope="module")
def network():
    return narrow_network()


def trial(layer: str, mse: float, saved: float) -> NormTrial:
    return NormTrial(layer, Norm(2, 2), mse, 1.0, saved)


def test_the_cheapest_savings_are_chosen():
    """Of a network with MSE 0.1: what its rise costs for each millisecond decides the order, the sum the end."""
    table = NormTable(
        (
            trial("useless", 0.09, -0.1),  # better, but slower
            trial("dear", 0.15, 0.5),  # 100 % for 1 ms
            trial("free", 0.1, 0.01),
            trial("better", 0.08, 0.02),
            trial("cheap", 0.11, 1.0),  # 10 %
            trial("middle", 0.12, 0.4),  # 50 %
            trial("small", 0.101, 0.008),  # 125 %: after the dear one, which no longer fits
        ),
        0.1,
    )
    assert table.choose(0.0) == ["free", "better"]
    assert table.choose(0.05) == ["free", "better", "small"]
    assert table.choose(0.31) == ["free", "better", "cheap", "middle", "small"]
    assert table.choose(0.81) == ["free", "better", "cheap", "middle", "dear", "small"]


def test_deployed_instance_norms(network):
    layers = instance_norms(network)
    assert len(layers) == 15 and LAYER in layers
    assert "hr_branch.conv_hr.norm" not in layers  # training's alone
    assert "hr_branch.tohr_enc4x.norm" not in layers  # a batch norm
    assert not network.training


def test_statistics_are_those_of_all_images_together(network):
    """Law of total variance: the mean of the variances and the variance of the means."""
    images = [image(64, 96, seed) for seed in (1, 2)]
    apart = [input_statistics(network, [LAYER], [inputs])[LAYER] for inputs in images]
    mean, variance = input_statistics(network, [LAYER], images)[LAYER]
    means, variances = (np.stack(values) for values in zip(*apart, strict=True))
    np.testing.assert_allclose(mean, means.mean(0), rtol=1e-6)
    np.testing.assert_allclose(variance, variances.mean(0) + means.var(0), rtol=1e-6)
    assert np.abs(means[0] - means[1]).max() > 1e-3


def test_batch_norm_on_an_image_s_own_statistics_costs_nothing(network):
    inputs = image(64, 96, 1)
    statistics = input_statistics(network, instance_norms(network), [inputs])
    expected = network(ms.Tensor(inputs)).asnumpy()
    for layers in ([LAYER], list(instance_norms(network))):
        matte = batch_normalised(network, layers, statistics)(ms.Tensor(inputs)).asnumpy()
        np.testing.assert_allclose(matte, expected, atol=2e-5)
    other = image(64, 96, 2)
    changed = batch_normalised(network, [LAYER], statistics)(ms.Tensor(other)).asnumpy()
    assert np.abs(changed - network(ms.Tensor(other)).asnumpy()).max() > 1e-3


def test_only_the_named_layers_change(network):
    values = np.arange(6.0), np.arange(10.0, 16.0)
    changed = batch_normalised(network, [LAYER], {LAYER: values})
    assert changed.spec.lr8x == Norm(6, 0) and not changed.training
    before, after = arrays_of(network), arrays_of(changed)
    for name, value in after.items():
        if not name.startswith(LAYER):
            np.testing.assert_array_equal(value, before[name], err_msg=name)
    for leaf, new in (("gamma", [1] * 3), ("beta", [0] * 3), ("moving_mean", [3, 4, 5]),
                      ("moving_variance", [13, 14, 15])):  # fmt: skip
        name = f"{LAYER}.bnorm.{leaf}"
        np.testing.assert_array_equal(after[name], [*before[name], *new])
    everywhere = batch_normalised(
        network, instance_norms(network), input_statistics(network, instance_norms(network), [image(64, 64, 1)])
    )
    batch = with_norm(narrow_spec(), "batch")
    assert everywhere.spec == type(batch)(**{**vars(batch), "detail": narrow_spec().detail})


@pytest.mark.slow
def test_trials_are_scored_in_the_network_and_timed_in_the_narrow_one(network, tmp_path):
    """On a machine where a convolution takes 2 ms and every instance-normalised channel 0.5 ms."""
    timed = []

    def profiler(cell, height: int, width: int) -> dict[str, float]:
        timed.append((height, width))
        inorms = {name: node.cell.inorm_channels for name, node in instance_norms(cell).items()}
        return {name.replace(".norm", ".conv"): 2.0 for name in arrays_of(cell)} | {
            **{name.removesuffix(".norm") + ".conv": 2.0 for name in instance_norms(network)},
            **{name: 0.5 * count for name, count in inorms.items()},
        }

    inputs = image(64, 64, 1)
    expected = network(ms.Tensor(inputs)).asnumpy()

    def score(cell) -> float:
        return 0.5 + float(np.square(cell(ms.Tensor(inputs)).asnumpy() - expected).mean())

    table = measure_norms(network, network, score, [image(64, 64, 2)], (128, 96), profiler)
    assert timed == [(128, 96)] * 2 and table.unchanged == 0.5
    assert [one.layer for one in table.trials] == list(instance_norms(network))
    row = next(one for one in table.trials if one.layer == LAYER)
    assert (row.norm, row.milliseconds, row.saved) == (Norm(3, 3), 2 + 1.5, 1.5)
    alone = batch_normalised(network, [LAYER], input_statistics(network, [LAYER], [image(64, 64, 2)]))
    assert row.mse == pytest.approx(score(alone), rel=1e-6) and row.mse > 0.5
    table.save(tmp_path / "norms.csv")
    with (tmp_path / "norms.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == list(COLUMNS) and len(rows) == 16
    assert [LAYER, "3", "3", f"{row.mse:.8g}", "0.5", "3.5000", "1.5000"] in rows


def pruned(checkpoint, output, *arguments):
    common = ("--device_target", "CPU", "--strategy", "uniform", "--ratio", "0.3", "--calibration_batches", "2")
    return run_main(prune.main, *common, "--ckpt_path", checkpoint, "--output_path", output, *arguments)


@pytest.mark.slow
def test_prune_py_chooses_norms(narrow_ckpt, tiny_config, tmp_path):
    pytest.importorskip("openvino")
    common = ("--config", tiny_config, "--sensitivity_pictures", "1")
    done = pruned(narrow_ckpt, tmp_path / "auto", *common, "--norm", "auto", "--norm_cost", "1000")
    assert done.status == 0, done.err
    with (tmp_path / "auto" / "norms.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    useful = {row["layer"] for row in rows if float(row["saved"]) > 0}
    network, meta = load_network(tmp_path / "auto" / "pruned.ckpt")
    assert useful and {row["layer"] for row in rows} - useful == set(instance_norms(network))
    assert f"norm auto ({len(useful)} of {len(rows)} layers batch-normalised)" in meta.source["pruning"]
    assert all(row["layer"] in done.out for row in rows)
    assert f"together: MSE {float(rows[0]['mse_unchanged']):.5f} => " in done.out


@pytest.mark.slow
def test_prune_py_replaces_all_norms(narrow_ckpt, tiny_config, tmp_path):
    assert pruned(narrow_ckpt, tmp_path, "--config", tiny_config, "--norm", "batch").status == 0
    network, _ = load_network(tmp_path / "pruned.ckpt")
    assert not instance_norms(network) and network.spec.lr8x == Norm(4, 0)
    assert not (tmp_path / "norms.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--norm", "batch"), "give --config or --calibration"),
        (("--norm", "auto", "--calibration", "."), "give --config with a `val_dataset`"),
        (("--norm", "instance"), "`norm` cannot be 'instance'"),
        (("--norm_cost", "-0.1"), "at least 0, got -0.1"),
    ],
)
def test_bad_input_is_refused(narrow_ckpt, tmp_path, arguments, text):
    assert text in pruned(narrow_ckpt, tmp_path, *arguments).assert_refused()
    assert not (tmp_path / "pruned.ckpt").exists()
