"""Milliseconds of a plan from a table of layers."""

import numpy as np
import pytest

from src.models.graph import trace
from src.pruning import budget
from src.pruning.groups import channels_of
from src.pruning.strategies.uniform import uniform
from src.pruning.target import Target

pytest.importorskip("onnx")
pytest.importorskip("openvino")
from src.pruning.latency import RATIOS, LatencyCheck, Works, measure_latency
from src.pruning.profiling import by_layer, profile_openvino, undisturbed


@pytest.mark.slow
def test_latency_follows_a_table_measured_at_a_few_widths(network, setting, tmp_path):
    """With a machine on which every layer takes 1 ms a million of work, and 0.1 ms however narrow."""
    works = Works(network, setting.channels, 64, 96)
    profiled = []

    def profiler(narrow, height: int, width: int) -> dict[str, float]:
        channels = channels_of(narrow)
        profiled.append(channels.count)
        own = Works(narrow, channels, height, width).of(np.ones(channels.count, bool))
        return {layer: 0.1 + work / 1e6 for layer, work in own.items()}

    table = measure_latency(network, setting, (64, 96), profiler)
    assert len(profiled) == len(RATIOS) and profiled == sorted(profiled, reverse=True)
    for ratio in (0.0, 0.3, 0.6):
        keep = setting.keep(uniform(setting, ratio))
        expected = sum(0.1 + work / 1e6 for work in works.of(keep).values())
        assert table(keep) == pytest.approx(expected, rel=1e-6)
    assert table.dense == pytest.approx(table(np.ones(setting.channels.count, bool)))
    counts, _ = budget.search_ratio(
        setting, uniform, Target("latency", 0.8 * table(setting.keep(setting.sizes))), table
    )
    assert table(setting.keep(counts)) <= 0.8 * table(setting.keep(setting.sizes))
    table.save(tmp_path / "latency.csv")
    assert len((tmp_path / "latency.csv").read_text().splitlines()) == 1 + len(RATIOS) * len(table.rows)


def test_operators_are_counted_for_their_layers():
    entries = [("reorder", 1.0), ("a.conv/WithoutBiases", 2.0), ("MVN_17", 4.0), ("a.norm/act", 8.0), ("up_2", 16.0)]
    assert by_layer(entries, {"a.conv", "a.norm", "up"}) == {"a.conv": 3.0, "a.norm": 12.0, "up": 16.0}


def test_disturbed_runs_do_not_count():
    """The first run was disturbed in layer b, the second in layer a; both clocks ran 2 ms beside the layers."""
    runs = [{"a": 4.0, "b": 9.0}, {"a": 7.0, "b": 4.0}]
    assert undisturbed([15.0, 12.0], runs) == {"a": 6.0, "b": 6.0}


@pytest.mark.parametrize(("measured", "share"), [(11.4, None), (8.6, None), (11.6, "+16%"), (5.0, "-50%")])
def test_a_prediction_that_the_clock_contradicts(measured, share):
    warning = LatencyCheck(dense=20.0, predicted=10.0, measured=measured).warning
    assert warning is None if share is None else f"the table said 10.00 ms ({share})" in warning


def test_openvino_s_times_belong_to_layers(network):
    profile = profile_openvino(network.set_train(False), 128, 192)
    assert set(profile) == {node.name for node in trace(network, 128, 192)}
    for layer in (
        "f_branch.conv_f.conv",
        "f_branch.conv_f.norm",
        "hr_branch.conv_hr2x.0.conv",
        "f_branch.join_upsampled",
    ):
        assert profile[layer] > 0, layer
