"""A strategy and an importance of one's own: each registers itself, and all else asks the registry."""

import argparse
import json

import numpy as np
import pytest

from src.checkpoint.file import load_network
from src.common.errors import ConfigError
from src.config.config import Config, load_config
from src.pruning import importances, options, strategies
from src.pruning.importances import Importance
from src.pruning.options import PruneOptions
from src.pruning.run import prune_checkpoint
from src.pruning.strategies import Strategy
from src.pruning.target import Target


@pytest.fixture
def registries(monkeypatch):
    """Whatever a test registers is forgotten after it."""
    monkeypatch.setattr(importances.registry, "_IMPORTANCES", dict(importances.registry._IMPORTANCES))
    monkeypatch.setattr(strategies.registry, "_STRATEGIES", dict(strategies.registry._STRATEGIES))


@pytest.fixture
def own(registries):
    """The strategy `halves` halves the groups of the part `hr`; the importance `late` prefers late channels."""

    def halves(task):
        groups = task.setting.channels.groups
        counts = np.array([len(g) // 2 if g.part == "hr" else len(g) for g in groups])
        left = task.measure(Target("channels", 1))(task.setting.keep(counts))
        return counts, {"left": left, "images_mse": task.score(task.network)}

    def late(subject):
        batches, losses = subject.labelled()
        assert [batch[0].shape for batch in batches] == [(2, 3, 64, 64)] * 3 and callable(losses)
        return np.arange(1.0, subject.channels.count + 1)

    return (
        strategies.register(Strategy("halves", "half of the details", halves, frozenset({"images"}))),
        importances.register(Importance("late", "the last ones", late, labelled=True)),
    )


def configured(tiny_config, narrow_ckpt, output) -> Config:
    return load_config(tiny_config, {"ckpt_path": str(narrow_ckpt), "output_path": str(output)})


def test_they_prune_a_checkpoint(own, tiny_config, narrow_ckpt, tmp_path):
    given = PruneOptions(strategy="halves", importance="late", batches=3, images=1, recalibrate=False)
    report = prune_checkpoint(configured(tiny_config, narrow_ckpt, tmp_path), given)
    before, after = load_network(narrow_ckpt)[0], load_network(tmp_path / "pruned.ckpt")[0]
    assert after.spec.tohr_enc2x.channels == before.spec.tohr_enc2x.channels // 2
    assert after.spec.encoder == before.spec.encoder
    name = "hr_branch.tohr_enc2x.conv.weight"
    weights = [dict(network.parameters_dict())[name].asnumpy() for network in (before, after)]
    np.testing.assert_array_equal(weights[1], weights[0][-2:])  # of five: the last ones stay
    assert (report.strategy, report.settings["importance"]) == ("halves", "late")
    settings = json.loads((tmp_path / "report.json").read_text())["settings"]
    assert settings["images_mse"] > 0 and settings["left"] == report.settings["left"]


def parsed(*flags: str) -> PruneOptions:
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    return options.from_args(parser.parse_args(flags))


def test_the_command_line_knows_them(own):
    parser = argparse.ArgumentParser()
    options.add_arguments(parser)
    text = " ".join(parser.format_help().split())
    assert "halves: half of the details" in text and "late: the last ones" in text
    given = parsed("--strategy", "halves", "--importance", "late", "--sensitivity_images", "3")
    assert (given.strategy, given.importance, given.images, given.ratio) == ("halves", "late", 3, 0.5)
    assert parsed("--no_recalibration", "--importance", "late", "--calibration_batches", "2").batches == 2


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--strategy", "halves", "--ratio", "0.5"), "--ratio would change nothing"),
        (("--strategy", "halves", "--target", "macs=1M"), "not by a target. Use --strategy budget, global, "),
        (("--sensitivity_images", "3"), "only the strategies `sensitivity`, `halves` or --norm auto"),
        (("--strategy", "halfes"), "Did you mean `halves`?"),
        (("--importance", "lat"), "Did you mean `late`?"),
    ],
)
def test_options_are_checked_by_what_they_say(own, flags, text):
    with pytest.raises(ConfigError) as refused:
        parsed(*flags)
    assert text in str(refused.value)


def test_they_need_the_images_that_they_say(own, narrow_ckpt, tmp_path):
    config = load_config(None, {"ckpt_path": str(narrow_ckpt), "output_path": str(tmp_path)})
    with pytest.raises(ConfigError, match="`late` needs images with alphas"):
        prune_checkpoint(config, PruneOptions(importance="late"))
    with pytest.raises(ConfigError, match="`halves` needs images to score"):
        prune_checkpoint(config, PruneOptions(strategy="halves"))


def test_a_name_is_taken_once_and_takes_are_known(own):
    halves, late = own
    assert strategies.register(halves) is halves and importances.register(late) is late
    with pytest.raises(ConfigError, match="`halves` already"):
        strategies.register(Strategy("halves", "others", halves.decide, frozenset()))
    with pytest.raises(ConfigError, match="`late` already"):
        importances.register(Importance("late", "others", late.scores))
    with pytest.raises(ConfigError, match=r"Did you mean `images`\?"):
        strategies.register(Strategy("other", "", halves.decide, frozenset({"image"})))
