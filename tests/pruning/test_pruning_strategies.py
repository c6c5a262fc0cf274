"""How many channels stay: the original's rule against its golden counts, and rankings by hand."""

import hashlib
import json

import numpy as np
import pytest

from benchmarks.reference import golden
from src.common.errors import ConfigError
from src.models.costs import count
from src.pruning import measure
from src.pruning.importances.l1 import filter_l1
from src.pruning.plan import Limits, fixed_count, select
from src.pruning.setting import Setting
from src.pruning.strategies.global_threshold import global_threshold
from src.pruning.strategies.original import _to_eight, adaptive_count, original
from src.pruning.strategies.uniform import uniform
from src.pruning.surgery import prune

KEEPCOUNTS = json.loads((golden.HERE / "keepcounts.json").read_text())
RAMPS = {
    "linear": lambda n: 1 - 0.9 * np.arange(n) / (n - 1),
    "geometric": lambda n: 0.05 ** (np.arange(n) / (n - 1)),
    "none": lambda n: np.ones(n),
}


def golden_weight(case: dict) -> np.ndarray:
    weight = np.random.RandomState(7).standard_normal(case["shape"])
    ramp = RAMPS[case["ramp"]](len(weight)).reshape(-1, *[1] * (weight.ndim - 1))
    return (weight * ramp).astype(np.float32)


@pytest.mark.parametrize("case", KEEPCOUNTS["cases"], ids=lambda case: f"{case['ramp']}-{case['shape'][0]}")
def test_adaptive_counts_are_the_original_s(case):
    weight = golden_weight(case)
    assert hashlib.sha256(weight.tobytes()).hexdigest() == case["sha256_float32_le"]
    scores = filter_l1(weight)
    assert [adaptive_count(scores, t) for t in KEEPCOUNTS["thresholds"]] == case["keep_reference"]


def test_rounding_of_counts_is_the_original_s():
    table = {int(raw): kept for raw, kept in KEEPCOUNTS["rounding_raw_to_kept"].items() if raw != "1"}
    assert {raw: _to_eight(raw) for raw in table} == table
    assert _to_eight(492 / 960 * 960) == 488  # as the original computes it


def test_edge_cases_of_the_count():
    distinct = np.arange(1.0, 17.0)
    assert adaptive_count(np.ones(16), 0.5) == 1
    assert adaptive_count(np.ones(1), 0.5) == 1
    assert adaptive_count(distinct, 1.0) == 8
    assert adaptive_count(np.arange(1.0, 13.0), 0.1) == 12  # 11 + 1 rounded to 16, of which there are 12


@pytest.mark.parametrize(("size", "ratio", "kept"), [(32, 0.5, 16), (10, 0.9, 1), (10, 0.7, 3), (5, 0.5, 2), (4, 0, 4)])
def test_fixed_counts_round_down(size, ratio, kept):
    assert fixed_count(size, ratio) == kept


def test_original_strategy_goes_by_part(setting):
    counts = dict(zip((g.name for g in setting.channels.groups), original(setting, 0.4, 0.6), strict=True))
    assert counts["hr_branch.conv_hr4x.0.conv"] == 4  # 0.6 of 8
    assert counts["f_branch.conv_f.conv"] == 1
    filters = {
        layer: filter_l1(setting.weights[f"{layer}.weight"]) for layer in ("encoder.head.conv", "lr_branch.se.fc1")
    }
    assert counts["encoder.head.conv"] == adaptive_count(filters["encoder.head.conv"], 0.6)
    assert counts["lr_branch.se.fc1"] == adaptive_count(filters["lr_branch.se.fc1"], 0.6)


def test_a_tied_group_keeps_the_largest_count_of_its_layers(setting):
    group = next(g for g in setting.channels.groups if g.name == "encoder.to32x.2.expand.conv")
    weights = dict(setting.weights)
    steep, flat = np.geomspace(1, 0.01, 24).astype(np.float32), np.linspace(1, 0.5, 24).astype(np.float32)
    for layer, ramp in zip(group.layers, (steep, flat), strict=True):
        shape = weights[f"{layer}.weight"].shape
        weights[f"{layer}.weight"] = np.broadcast_to(ramp[:, None, None, None], shape).copy()
    each = [adaptive_count(filter_l1(weights[f"{layer}.weight"]), 0.5) for layer in group.layers]
    counts = original(Setting(setting.channels, weights, setting.scores), 0.5, 0.5)
    assert each == [8, 16]  # 4 and 12 of 24 reach the threshold, plus one
    assert counts[setting.channels.groups.index(group)] == 16


def test_the_best_stay_and_the_first_of_equals(setting):
    scores = np.zeros(setting.channels.count)
    group = setting.channels.groups[1]
    scores[group.channels] = np.tile([1.0, 3.0, 3.0, 2.0], len(group) // 4)
    counts = setting.sizes
    counts[1] = 4
    keep = select(setting.channels, scores, counts)
    assert np.flatnonzero(keep[group.channels]).tolist() == [1, 2, 5, 6]
    assert keep.sum() == setting.channels.count - len(group) + 4


def test_uniform_takes_the_same_share_everywhere(setting):
    assert uniform(setting, 0.25).tolist() == [int(0.75 * size) for size in setting.sizes]
    assert uniform(setting, 0).tolist() == setting.sizes.tolist()


def test_ranking_removes_the_lowest_of_all_groups(setting):
    scores = np.ones(setting.channels.count)
    for group in setting.channels.groups:
        scores[group.channels] = np.linspace(1, 2, len(group))
    weak = setting.channels.groups[5].channels
    scores[weak] /= 100
    total = int(setting.sizes.sum())
    counts = global_threshold(Setting(setting.channels, setting.weights, scores), len(weak) / total)
    assert counts[5] == 0 and (np.delete(counts, 5) == np.delete(setting.sizes, 5)).all()
    assert total - global_threshold(setting, 0.3).sum() == total - int(0.7 * total + 1e-9)
    kept = Setting(setting.channels, setting.weights, scores).keep(counts)
    assert setting.channels.group_sizes(kept)[5] == 1  # never emptied


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), [1, 3, 11, 12, 20]),
        (Limits(min_channels=4), [3, 4, 11, 12, 20]),
        (Limits(multiple=8), [3, 8, 8, 16, 24]),  # halves up, never above the size
        (Limits(min_channels=10, multiple=8), [3, 8, 16, 16, 24]),
    ],
)
def test_limits(limits, expected):
    counts, sizes = np.array([0, 3, 11, 12, 20]), np.array([3, 8, 16, 16, 24])
    assert limits.apply(counts, sizes).tolist() == expected


@pytest.mark.parametrize("values", [{"min_channels": 0}, {"multiple": -8}])
def test_limits_below_one_are_refused(values):
    with pytest.raises(ConfigError, match="at least 1"):
        Limits(**values)


def measures(network, channels):
    return {"params": measure.parameters(network, channels), "macs": measure.macs(network, channels, 64, 96)}


def test_measures_are_the_costs_of_the_pruned_network(network, setting):
    """Without building it, for plans that cut the halves of IBNorms unevenly."""
    rng = np.random.default_rng(0)
    measured = measures(network, setting.channels)
    for share in (1.0, 0.7, 0.2):
        keep = np.ones(setting.channels.count, bool)
        for group in setting.channels.groups:
            keep[group.channels] = rng.random(len(group)) < share
            keep[group.channels[-1]] = True
        costs = count(prune(network, keep, setting.channels), 64, 96)
        assert measured["params"](keep) == costs.parameters
        assert measured["macs"](keep) == costs.macs
