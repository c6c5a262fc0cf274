"""ModelCompression's side file: what it can tell, and networks that prune.py brings to that form."""

import json
from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference import golden
from src.checkpoint.conversion import compression_spec, convert
from src.checkpoint.file import Meta, load_network, load_weights, read_checkpoint, save_checkpoint, weights_of
from src.checkpoint.weight_names import modnet_names
from src.common.errors import NetworkError
from src.models.build import build_network
from src.programs import prune
from src.pruning.compression import CompressionForm, compression_info
from src.pruning.groups import channels_of
from src.pruning.importances.l1 import l1
from src.pruning.setting import Setting
from src.pruning.surgery import arrays_of
from src.spec.blocks import Norm
from src.spec.modnet import ModNetSpec
from tests.support.narrow import narrow_spec, random_state, standard_spec
from tests.support.programs import run_main

INFO = json.loads((golden.HERE / "compression_pruned_info.json").read_text())
OUTS = [4, 6, 6, 8, 8, 8, 10, 10, 10, 10, 12, 12, 12, 14, 14, 14, 18]


def small_spec() -> ModNetSpec:
    """A MobileNetV2 of few channels, with its shortcuts, and 16 channels in the high-resolution branch."""
    return compression_spec(
        {"ratio": 0.5, "new_cfg": [8, *OUTS, 40], "new_expansion_cfg": [1] + 16 * [3], "new_lr_channels": [32, 12]}
    )


@pytest.fixture(scope="module")
def small_ckpt(tmp_path_factory):
    path, network = tmp_path_factory.mktemp("small") / "small.ckpt", build_network(small_spec())
    weights = {name: ms.Parameter(ms.Tensor(value)) for name, value in random_state(network.spec, 0).items()}
    load_weights(network, weights, "the small network")
    save_checkpoint(path, weights_of(network), Meta("modnet", "mobilenetv2", network.spec))
    return path


@pytest.fixture(scope="module")
def setting(small_ckpt) -> Setting:
    network, _ = load_network(small_ckpt)
    channels, weights = channels_of(network), arrays_of(network)
    return Setting(channels, weights, l1(weights, channels), form=CompressionForm(network.spec))


def pruned(checkpoint, output, *arguments):
    return run_main(
        prune.main, "--device_target", "CPU", "--ckpt_path", checkpoint, "--output_path", output, *arguments
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("--ratio", "0.4", "--threshold", "0.6"),
        ("--strategy", "uniform", "--ratio", "0.3"),
        ("--strategy", "uniform", "--ratio", "0.4", "--multiple", "4"),
        ("--strategy", "budget", "--target", "macs=400M"),
        ("--strategy", "global", "--target", "params=60K"),
    ],
    ids=" ".join,
)
def test_a_pruned_network_is_what_its_side_file_tells(small_ckpt, tmp_path, arguments):
    done = pruned(small_ckpt, tmp_path, "--compatible", *arguments)
    assert done.status == 0, done.err
    checkpoint = read_checkpoint(tmp_path / "pruned.ckpt")
    spec, weights = checkpoint.meta.spec, {name: value.asnumpy() for name, value in checkpoint.weights.items()}
    foreign = {theirs: weights[ours] for theirs, ours, _ in modnet_names(spec, cbr=True)}
    back = convert(foreign, prune_info=json.loads((tmp_path / "pruned.json").read_text()))
    assert back.spec == spec != small_spec() and back.problems == ()
    assert back.state.keys() == weights.keys()
    for name, value in back.state.items():
        np.testing.assert_array_equal(value, weights[name], err_msg=name)


@pytest.mark.slow
def test_without_the_option_a_line_says_why_there_is_no_file(small_ckpt, tmp_path):
    done = pruned(small_ckpt, tmp_path, "--strategy", "uniform", "--ratio", "0.4")
    assert done.status == 0 and not (tmp_path / "pruned.json").exists()
    assert "no pruned.json for ModelCompression's programs: " in done.out
    assert "stays one when pruned with --compatible" in done.out


def test_counts_become_the_nearest_that_the_file_can_tell(setting):
    """By hand: half of the groups' channels, but 8 of 24 in an expansion behind 3 channels, which is 2.67 times."""
    names = [group.name for group in setting.channels.groups]
    counts = setting.sizes // 2
    counts[names.index("encoder.to4x.1.expand.conv")] = 8
    spec = setting.form.fit(setting.channels, counts)
    assert (spec.encoder.stem, spec.encoder.blocks[0].out, spec.encoder.blocks[1].out) == (4, 2, 3)
    assert [block.hidden for block in spec.encoder.blocks[:3]] == [4, 2 * 3, 3 * 3]
    assert (spec.encoder.head, spec.se_hidden, spec.lr16x, spec.lr8x) == (20, 5, Norm(3, 3), Norm(16, 16))
    assert (spec.tohr_enc2x, spec.conv_enc4x, spec.fusion) == (Norm(4, 4), Norm(8, 8), Norm(2, 2))


def test_equal_widths_are_parted_where_no_shortcut_is(setting):
    names = [group.name for group in setting.channels.groups]
    counts = setting.sizes
    counts[names.index("encoder.stem.conv")] = 4  # as many as the first block makes, at stride 1
    spec = setting.form.fit(setting.channels, counts)
    assert (spec.encoder.stem, spec.encoder.blocks[0].out) == (5, 4)
    assert [block.residual for block in spec.encoder.blocks] == [b.residual for b in small_spec().encoder.blocks]


def test_the_best_of_each_half_of_an_ibnorm_stay(setting):
    group = next(group for group in setting.channels.groups if group.name == "lr_branch.conv_lr16x.conv")
    scores = np.ones(setting.channels.count)
    scores[group.channels] = [9, 8, 7, 6, 5, 4, 1, 2, 3, 1, 1, 1]  # the whole first half is better than the second
    counts = setting.sizes
    counts[setting.channels.groups.index(group)] = 4
    keep = setting.form(setting.channels, scores, counts)
    assert np.flatnonzero(keep[group.channels]).tolist() == [0, 1, 7, 8]


def test_the_file_of_a_network_that_came_from_one():
    spec = compression_spec(INFO)
    assert compression_info(spec, INFO["threshold"]) == INFO
    assert compression_info(standard_spec(), 0.5)["new_expansion_cfg"] == [1] + 16 * [6]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda spec: narrow_spec(), "MobileNetV2's 17 blocks"),
        (lambda spec: wider_block(spec), "encoder.blocks.4.hidden: it would say 96 instead of 97"),
        (lambda spec: replace(spec, lr8x=Norm.half(24)), "lr8x.bn: it would say 16 instead of 12"),
        (lambda spec: replace(spec, detail=Norm(7, 9)), "2 of the network's numbers, the first being detail.bn"),
    ],
)
def test_what_the_file_cannot_tell_is_named(change, text):
    with pytest.raises(NetworkError, match=text):
        compression_info(change(compression_spec(INFO)), 0.5)
    with pytest.raises(NetworkError, match=text):
        CompressionForm(change(compression_spec(INFO)))


def wider_block(spec: ModNetSpec) -> ModNetSpec:
    blocks = list(spec.encoder.blocks)
    blocks[4] = replace(blocks[4], hidden=blocks[4].hidden + 1)
    return replace(spec, encoder=replace(spec.encoder, blocks=tuple(blocks)))
