"""prune.py from a checkpoint to a smaller one that rebuilds itself, and what it refuses."""

import json
from unittest import mock

import numpy as np
import pytest

from src.checkpoint.file import file_source, load_network, read_checkpoint
from src.common.errors import OutputError
from src.models.costs import count
from src.programs import prune
from src.pruning.report import PruneReport
from tests.support.narrow import narrow_spec, save_narrow
from tests.support.programs import run_main


def pruned(narrow_ckpt, output, *arguments):
    return run_main(
        prune.main, "--device_target", "CPU", "--ckpt_path", narrow_ckpt, "--output_path", output, *arguments
    )


@pytest.fixture(scope="module")
def uniform(narrow_ckpt, tmp_path_factory):
    output = tmp_path_factory.mktemp("uniform")
    done = pruned(narrow_ckpt, output, "--strategy", "uniform", "--ratio", "0.5")
    assert done.status == 0, done.err
    return output, done.out


def test_the_checkpoint_rebuilds_itself(uniform, narrow_ckpt):
    output, _ = uniform
    network, meta = load_network(output / "pruned.ckpt")
    full, half = narrow_spec(), network.spec
    assert [getattr(half, name).channels for name in ("lr16x", "lr8x", "tohr_enc2x", "fusion")] == [4, 3, 2, 1]
    assert half.encoder.head == 8 and half.se_hidden == 2 and half.encoder.stem == 3
    assert [block.residual for block in half.encoder.blocks] == [block.residual for block in full.encoder.blocks]
    assert {name: meta.source[name] for name in ("file", "sha256")} == file_source(narrow_ckpt)
    assert meta.source["pruning"] == "uniform (importance l1, ratio 0.5, min_channels 1, multiple 1)"
    assert meta.scores == {} and meta.epoch == 0 and meta.encoder == "mobilenetv2"


@pytest.mark.slow
def test_scores_go_and_preprocessing_stays(tmp_path):
    pre = read_checkpoint(save_narrow(tmp_path / "plain.ckpt")).meta.preprocess
    pre = type(pre)(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6), ref_size=320)
    source = save_narrow(tmp_path / "scored.ckpt", preprocess=pre, scores={"mse": 0.01}, epoch=7, step=70)
    assert pruned(source, tmp_path / "out").status == 0
    meta = read_checkpoint(tmp_path / "out" / "pruned.ckpt").meta
    assert (meta.preprocess, meta.scores, meta.epoch, meta.step) == (pre, {}, 0, 0)


def test_reports_agree_with_the_networks(uniform, narrow_ckpt):
    output, printed = uniform
    report = json.loads((output / "report.json").read_text())
    before, after = (count(load_network(path)[0]) for path in (narrow_ckpt, output / "pruned.ckpt"))
    for name in ("parameters", "parameters_published", "macs", "macs_with_heads", "macs_published"):
        assert report["totals"][name] == [getattr(before, name), getattr(after, name)]
    for name in ("parameters", "macs"):
        sums = np.sum([costs[name] for costs in report["parts"].values()], axis=0)
        assert sums.tolist() == report["totals"][name]
    text = (output / "report.txt").read_text()
    assert "encoder.head.conv" in text and "Conv 16 => 8" in text and "Norm 3+3 => " in text
    assert all(line in printed for line in text.splitlines())
    assert report["source"] == file_source(narrow_ckpt) and report["recalibrated"] == 0
    assert (report["network"], report["latency"]) == ("modnet", None)
    assert "no pruned.json for ModelCompression's programs: ModelCompression's networks are MODNets on" in printed
    assert (output / "report.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in output.iterdir()} == {"pruned.ckpt", "report.json", "report.txt", "report.png"}


def test_figures_as_published_tables_have_them():
    """MODNet -> MODNet-P: what `tests/models/test_costs.py` counts, cut or rounded as the tables are."""
    totals = {
        "parameters": (6_487_075, 1_368_619),
        "parameters_published": (6_452_243, 1_342_435),
        "macs": (15_465_971_712, 3_661_959_712),
        "macs_with_heads": (18_117_066_752, 4_383_674_912),
        "macs_published": (18_317_804_864, 4_499_881_000),
    }
    report = PruneReport("modnet", {"file": "modnet.ckpt"}, "original", {}, 0, totals, {}, ())
    text = report.to_text()
    assert "parameters 6.45 => 1.34 M (convolutions and dense layers) or 6.48 => 1.36 M (all)" in text
    assert "MACs 18.12 => 4.38 G (with heads) or 18.32 => 4.50 G (with norms too)" in text


def test_the_original_programs_command_line(narrow_ckpt, tmp_path):
    """`main.py --ckpt_path --ratio --threshold --weight_replace --verbose`: False means False."""
    kept, new = tmp_path / "kept", tmp_path / "new"
    flags = ("--ratio", "0.5", "--threshold", "0.5", "--verbose", "False")
    done = pruned(narrow_ckpt, kept, *flags, "--weight_replace", "True")
    assert done.status == 0 and "encoder.head.conv" not in done.out, done.err
    assert "encoder.head.conv" in (kept / "report.txt").read_text()
    done = run_main(prune.main, "--device_target", "CPU", "--ckpt_path", narrow_ckpt, "--save_dir", new, *flags,
                    "--weight_replace", "False")  # fmt: skip
    assert done.status == 0, done.err
    one, other = (read_checkpoint(folder / "pruned.ckpt") for folder in (kept, new))
    assert one.meta.spec == other.meta.spec
    assert "weights new" in other.meta.source["pruning"] and "weights" not in one.meta.source["pruning"]
    name = next(name for name, weight in one.weights.items() if len(weight.shape) == 4)
    assert not np.allclose(one.weights[name].asnumpy(), other.weights[name].asnumpy(), atol=1e-3)
    done = pruned(narrow_ckpt, tmp_path / "third", "--weight_replace", "perhaps")
    assert done.status == 2 and "expected True or False, got 'perhaps'" in done.err


@pytest.mark.slow
def test_a_pruned_network_is_pruned_again(uniform, tmp_path):
    output, _ = uniform
    assert pruned(output / "pruned.ckpt", tmp_path, "--strategy", "global", "--importance", "bn").status == 0
    once, twice = (count(load_network(folder / "pruned.ckpt")[0]) for folder in (output, tmp_path))
    assert twice.parameters < 0.7 * once.parameters


@pytest.mark.slow
def test_budget_with_taylor_and_renewed_statistics(narrow_ckpt, tiny_config, tmp_path):
    options = ("--strategy", "budget", "--target", "params=8K", "--importance", "taylor", "--calibration_batches", "2")
    done = pruned(narrow_ckpt, tmp_path, "--config", tiny_config, *options)
    assert done.status == 0, done.err
    report = json.loads((tmp_path / "report.json").read_text())
    assert 7000 < report["totals"]["parameters"][1] <= 8000
    assert report["recalibrated"] == 2
    assert {"ratio_backbone", "ratio_lr", "ratio_hr", "ratio_fusion"} < set(report["settings"])


@pytest.mark.slow
def test_global_scores_are_gathered_as_asked(narrow_ckpt, tiny_config, tmp_path):
    """Groups of several layers weigh more with "sum", for Taylor importance as for others."""
    options = ("--strategy", "global", "--importance", "taylor", "--calibration_batches", "1", "--no_recalibration")
    for gather in ("mean", "sum"):
        done = pruned(narrow_ckpt, tmp_path / gather, "--config", tiny_config, *options, "--group_score", gather)
        assert done.status == 0, done.err
    mean, summed = (load_network(tmp_path / gather / "pruned.ckpt")[0].spec for gather in ("mean", "sum"))
    hidden = [sum(block.hidden for block in spec.encoder.blocks) for spec in (mean, summed)]
    assert hidden[1] > hidden[0]  # two layers make these channels


@pytest.mark.slow
def test_the_default_norm_by_its_name(uniform, narrow_ckpt, tmp_path):
    done = pruned(narrow_ckpt, tmp_path, "--strategy", "uniform", "--norm", "ib")
    assert done.status == 0, done.err
    assert load_network(tmp_path / "pruned.ckpt")[0].spec == load_network(uniform[0] / "pruned.ckpt")[0].spec


def test_the_checkpoint_comes_before_the_reports(narrow_ckpt, tmp_path):
    with mock.patch("src.pruning.run.save_checkpoint", side_effect=OutputError("disk full")):
        assert "disk full" in pruned(narrow_ckpt, tmp_path).assert_refused()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_latency_is_measured_once_more_in_the_end(narrow_ckpt, tmp_path):
    pytest.importorskip("onnx")
    pytest.importorskip("openvino")
    times = [{"encoder.head.conv": ms} for ms in (8.0, 7.0, 6.0, 5.0, 4.0, 9.0)]  # five widths, then the result
    with mock.patch("src.pruning.latency.profile_openvino", side_effect=times):
        done = pruned(narrow_ckpt, tmp_path, "--strategy", "uniform", "--target", "latency=6ms@64x96")
    assert done.status == 0, done.err
    latency = json.loads((tmp_path / "report.json").read_text())["latency"]
    assert (latency["dense"], latency["measured"]) == (8.0, 9.0) and 5 < latency["predicted"] <= 6
    assert "the network takes 8.00 ms at 64x96" in done.out
    assert f"latency, ms          8.00 => 9.00 ({latency['predicted']:.2f} predicted)" in done.out
    assert "the pruned network takes 9.00 ms, the table said" in done.out


@pytest.mark.slow
def test_sensitivity_leaves_its_table(narrow_ckpt, tiny_config, tmp_path):
    done = pruned(narrow_ckpt, tmp_path, "--config", tiny_config, "--strategy", "sensitivity", "--ratio", "0.3",
                  "--sensitivity_pictures", "1", "--no_recalibration")  # fmt: skip
    assert done.status == 0, done.err
    assert (tmp_path / "sensitivity.csv").exists() and (tmp_path / "sensitivity.png").exists()
    spec = load_network(tmp_path / "pruned.ckpt")[0].spec
    assert sum(norm.channels for norm in (*spec.hr4x, *spec.hr2x)) < sum(
        norm.channels for norm in (*narrow_spec().hr4x, *narrow_spec().hr2x)
    )


@pytest.mark.slow
def test_images_of_a_folder_renew_the_statistics(narrow_ckpt, synthetic_set, tmp_path):
    images = synthetic_set / "train" / "blurred_image"
    assert pruned(narrow_ckpt, tmp_path / "a", "--calibration", images, "--calibration_batches", "1").status == 0
    assert pruned(narrow_ckpt, tmp_path / "b").status == 0
    mean = "encoder.stem.norm.bnorm.moving_mean"
    renewed, old = (read_checkpoint(tmp_path / name / "pruned.ckpt").weights[mean].asnumpy() for name in "ab")
    assert np.abs(renewed - old).max() > 1e-3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("--ratio", "1"), r"[0, 1), got 1.0"),
        (("--ratio", "-0.1"), r"[0, 1), got -0.1"),
        (("--threshold", "0"), "`threshold` must lie in (0, 1], got 0.0"),
        (("--strategy", "budgte", "--target", "macs=1M"), "Did you mean `budget`?"),
        (("--importance", "l3"), "`importance` cannot be 'l3'"),
        (("--strategy", "budget"), "needs a target"),
        (("--target", "macs=1M"), "goes by --ratio and --threshold"),
        (("--strategy", "uniform", "--target", "3G"), "macs=3.0G, params=1.2M"),
        (("--strategy", "uniform", "--target", "params=1"), "cannot be met: the narrowest network"),
        (("--strategy", "budget", "--target", "macs=100G"), "already needs only"),
        (("--min_channels", "0"), "`min_channels` must be at least 1"),
        (("--strategy", "uniform", "--ratio", "0.5", "--target", "macs=1M"), "--ratio would change nothing"),
        (("--strategy", "uniform", "--threshold", "0.1"), "only the strategy `original` would look at it"),
        (("--strategy", "uniform", "--group_score", "sum"), "only the strategy `global` would look at it"),
        (("--group_score", "max", "--strategy", "global"), "`group_score` cannot be 'max'"),
        (("--sensitivity_pictures", "4"), "--sensitivity_images would change nothing"),
        (("--no_recalibration", "--calibration_batches", "2"), "--calibration_batches would change nothing"),
        (("--no_recalibration", "--calibration", "."), "--no_recalibration forbids it"),
        (("--norm_cost", "0.2"), "only --norm auto would look at it"),
        (("--norm", "batch", "--compatible"), "cannot go with --norm batch"),
        (("--compatible",), "MobileNetV2's 17 blocks"),
        (("--strategy", "uniform", "--target", "params=1M@64x64"), "parameters do not depend on"),
        (("--importance", "taylor"), "give --config with a `train_dataset`"),
        (("--strategy", "sensitivity"), "give --config with a `val_dataset`"),
        (("--calibration", "/nowhere"), "/nowhere"),
    ],
)
def test_bad_input_is_refused(narrow_ckpt, tmp_path, arguments, text):
    assert text in pruned(narrow_ckpt, tmp_path, *arguments).assert_refused()
    assert not (tmp_path / "pruned.ckpt").exists()


def test_other_checkpoints_are_refused(tmp_path):
    assert "--ckpt_path" in run_main(prune.main, "--output_path", tmp_path).assert_refused()
    foreign = tmp_path / "official.ckpt"
    foreign.write_bytes(b"PK\x03\x04" + bytes(1000))  # as torch.save writes
    assert "truncated or of another program" in pruned(foreign, tmp_path).assert_refused()
    assert "No checkpoint" in pruned(tmp_path / "none.ckpt", tmp_path).assert_refused()


def test_an_earlier_result_stays(uniform, narrow_ckpt):
    output, _ = uniform
    before = (output / "pruned.ckpt").read_bytes()
    assert "holds a pruned network already" in pruned(narrow_ckpt, output).assert_refused()
    assert (output / "pruned.ckpt").read_bytes() == before
