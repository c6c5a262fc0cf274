"""Targets are read and met, and what a budget leaves goes to single groups."""

import dataclasses
from unittest import mock

import numpy as np
import pytest

from src.common.errors import ConfigError
from src.pruning import budget, measure
from src.pruning.plan import Limits
from src.pruning.strategies.global_threshold import global_threshold
from src.pruning.strategies.uniform import uniform
from src.pruning.target import Target


def measures(network, channels):
    return {"params": measure.parameters(network, channels), "macs": measure.macs(network, channels, 64, 96)}


@pytest.mark.parametrize("strategy", [uniform, global_threshold])
@pytest.mark.parametrize("kind", ["params", "macs"])
def test_a_target_is_met_and_hardly_undercut(network, setting, strategy, kind):
    cost = measures(network, setting.channels)[kind]
    whole = cost(np.ones(setting.channels.count, bool))
    counts, ratio = budget.search_ratio(setting, strategy, Target(kind, 0.4 * whole), cost)
    assert 0.3 * whole < cost(setting.keep(counts)) <= 0.4 * whole  # a step of these few channels is large
    assert cost(setting.keep(strategy(setting, ratio - 0.05))) > 0.4 * whole


@pytest.mark.parametrize("kind", ["params", "macs"])
def test_ratios_by_part_meet_the_target(network, setting, kind):
    cost = measures(network, setting.channels)[kind]
    whole = cost(np.ones(setting.channels.count, bool))
    counts, ratios = budget.by_part(setting, Target(kind, 0.4 * whole), cost)
    assert 0.36 * whole < cost(setting.keep(counts)) <= 0.4 * whole
    assert ratios.keys() == {"backbone", "lr", "hr", "fusion"}
    kept = setting.channels.group_sizes(setting.keep(counts))
    for part, ratio in ratios.items():
        own = [g.part == part for g in setting.channels.groups]
        assert ratio == pytest.approx(1 - kept[own].sum() / setting.sizes[own].sum())


@pytest.mark.parametrize("multiple", [1, 4])
def test_what_a_budget_leaves_widens_single_groups(network, setting, multiple):
    """In the end no group can have one multiple more."""
    coarse = dataclasses.replace(setting, limits=Limits(multiple=multiple))
    cost = measures(network, setting.channels)["macs"]
    target = Target("macs", 0.7 * cost(np.ones(setting.channels.count, bool)))
    counts, _ = budget.by_part(coarse, target, cost)
    assert cost(coarse.keep(counts)) <= target.value
    for g in np.flatnonzero(counts < setting.sizes):
        wider = counts.copy()
        wider[g] += multiple
        assert cost(coarse.keep(wider)) > target.value


def test_the_best_importance_for_its_cost_is_widened_first(setting):
    """Of two groups halved, a channel of the first costs 3, one of the second 1; the first wins 4 times as much."""
    first, second = (
        next(g for g in setting.channels.groups if g.name == f"hr_branch.conv_hr4x.{i}.conv") for i in (1, 2)
    )
    scores = np.ones(setting.channels.count)
    scores[first.channels] = [1, 0, 0, 1, 1, 1]
    scores[second.channels] = [3, 3, 3, 0.1, 0.1, 0.1]
    counts = np.array([3 if g in (first, second) else len(g) for g in setting.channels.groups])

    def cost(keep):
        return 3 * int(keep[first.channels].sum()) + int(keep[second.channels].sum())

    expected = counts.copy()
    expected[setting.channels.groups.index(first)] = 4  # 1/s - 1 falls by 1/3 for 3; in the second by 0.01 for 1
    given = dataclasses.replace(setting, scores=scores)
    assert budget.widened(given, counts, Target("channels", 15), cost).tolist() == expected.tolist()
    expected[setting.channels.groups.index(second)] = 5
    assert budget.widened(given, counts, Target("channels", 17), cost).tolist() == expected.tolist()


def test_a_part_at_its_least_is_named(network, setting):
    cost = measures(network, setting.channels)["params"]
    least = cost(setting.keep(np.zeros_like(setting.sizes)))
    with mock.patch.object(budget, "logger") as log:
        budget.search_ratio(setting, uniform, Target("params", least), cost)
        assert [call.args[1] for call in log.warning.call_args_list] == ["backbone", "lr", "hr", "fusion"]
        log.reset_mock()
        budget.by_part(setting, Target("params", 0.8 * cost(np.ones(setting.channels.count, bool))), cost)
        assert not log.warning.called


def test_parts_that_cost_nothing_stay_whole(network, setting):
    """Parameters of the fusion branch alone: nothing else saves any."""
    name = next(g for g in setting.channels.groups if g.part == "fusion")
    counts, ratios = budget.by_part(
        setting, Target("channels", len(name) - 2), lambda keep: int(keep[name.channels].sum())
    )
    assert ratios["fusion"] == pytest.approx(2 / sum(len(g) for g in setting.channels.groups if g.part == "fusion"))
    assert {ratios[part] for part in ("backbone", "lr", "hr")} == {0.0}
    assert counts[setting.channels.groups.index(name)] == len(name) - 2


def test_targets_out_of_reach_name_the_nearest(network, setting):
    cost = measures(network, setting.channels)["params"]
    least = cost(setting.keep(np.zeros_like(setting.sizes)))
    for search in (
        lambda t: budget.search_ratio(setting, uniform, t, cost),
        lambda t: budget.by_part(setting, t, cost),
    ):
        with pytest.raises(ConfigError, match=f"cannot be met: .*needs {least / 1e3:.4g} K parameters|needs {least} "):
            search(Target("params", 10))
        with pytest.raises(ConfigError, match="already needs only"):
            search(Target("params", 1e9))


def test_targets_are_read():
    assert Target.parse("macs=3.0G") == Target("macs", 3e9)
    assert Target.parse("params=1.2M") == Target("params", 1.2e6)
    assert Target.parse("params=900000") == Target("params", 900_000)
    assert Target.parse("latency=20ms@512x288") == Target("latency", 20.0, (512, 288))  # height x width
    assert Target.parse("macs=2.5G@256x512").format(2.4e9) == "2.4 G MACs at 256x512"
    assert Target.parse("latency=8.5ms") == Target("latency", 8.5, (512, 512))
    assert Target("macs", 1).format(2.4129e9) == "2.413 G MACs at 512x512"
    assert Target("latency", 1, (288, 512)).format(9.5) == "9.50 ms at 288x512"
    assert Target("params", 1).format(1.25e6) == "1.25 M parameters"


@pytest.mark.parametrize(
    "text",
    ["3.0G", "macs=0", "macs=-1G", "flops=3G", "latency=20", "macs=3ms", "latency=9ms@500x500", "params=1M@512x512"],
)
def test_other_targets_are_refused(text):
    with pytest.raises(ConfigError, match="target"):
        Target.parse(text)
