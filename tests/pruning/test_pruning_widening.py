"""Widening is pruning backwards: the same outputs, the old network inside the new one, and channels that learn."""

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference.golden import image
from src.checkpoint.file import load_network, read_checkpoint
from src.common.errors import ConfigError, OutputError
from src.models.build import build_network
from src.models.costs import count
from src.programs import widen as program
from src.pruning.groups import channels_of
from src.pruning.plan import Limits
from src.pruning.surgery import arrays_of, cut
from src.pruning.widening import widen, widen_checkpoint, widths_of
from src.spec.blocks import Norm
from tests.support.masked import outputs
from tests.support.narrow import narrow_network, narrow_spec, narrow_state, save_narrow
from tests.support.narrow_mmnet import narrow_mmnet
from tests.support.programs import run_main

NETWORKS = {"modnet": narrow_network, "mmnet": narrow_mmnet}
LAYERS = {"encoder.to32x.0.expand.conv": 24, "lr_branch.conv_lr8x.conv": 9, "lr_branch.se.fc1": 6}


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_every_group_wider_and_the_same_outputs(name):
    network = NETWORKS[name]()
    channels, rng = channels_of(network), np.random.default_rng(3)
    widths = {group.name: len(group) + int(rng.integers(0, 5)) for group in channels.groups}
    wide = widen(network, widths)
    wide_channels = channels_of(wide)
    assert {group.name: len(group) for group in wide_channels.groups} == widths
    inputs = image(32, 64, 3)
    for before, after in zip(outputs(network, inputs), outputs(wide, inputs), strict=True):
        np.testing.assert_allclose(after, before, atol=2e-6)
    keep = np.ones(wide_channels.count, bool)
    for old, new in zip(channels.groups, wide_channels.groups, strict=True):
        keep[new.channels[len(old) :]] = False
    inside = cut(arrays_of(wide), wide_channels, keep)
    for parameter, value in arrays_of(network).items():
        np.testing.assert_array_equal(inside[parameter], value, err_msg=parameter)


@pytest.mark.slow
def test_new_channels_are_of_the_last_kind_and_the_rest_stays():
    wide = widen(narrow_network(), LAYERS)
    spec, before = wide.spec, narrow_spec()
    assert spec.encoder.blocks[3].hidden == 24 and spec.se_hidden == 6
    assert before.lr8x == Norm(3, 3) and spec.lr8x == Norm(3, 6)
    assert (spec.hr4x, spec.lr16x, spec.encoder.head) == (before.hr4x, before.lr16x, before.encoder.head)


def test_new_channels_learn_from_the_first_step():
    """Nothing reads them, but the gradient of what would is not zero: it moves away from there."""
    wide = widen(narrow_network(), LAYERS).set_train(True)
    weight = wide.lr_branch.head.conv.weight  # reads conv_lr8x, which had 6 channels
    assert weight.shape[1] == 9 and not weight.asnumpy()[:, 6:].any() and weight.asnumpy()[:, :6].all()
    gradient = ms.grad(lambda x: wide(x)[0].sum(), None, ms.ParameterTuple([weight]))
    moved = np.abs(gradient(ms.Tensor(image(32, 64, 3)))[0].asnumpy())
    assert (moved.max(axis=(0, 2, 3)) > 0).all()


@pytest.mark.slow
def test_new_weights_follow_the_seed():
    one, same, other = (arrays_of(widen(narrow_network(), LAYERS, seed)) for seed in (0, 0, 1))
    name = "encoder.to32x.0.expand.conv.weight"
    np.testing.assert_array_equal(one[name], same[name])
    np.testing.assert_array_equal(one[name][:16], other[name][:16])
    assert (one[name][16:] != other[name][16:]).all()


def test_widths_by_patterns():
    channels = channels_of(narrow_network())  # to32x: 16, 20 and 24 hidden channels
    factors = {"encoder.to32x.0.expand.*": 1, "encoder.to32x.*.expand.*": 1.5, "*.conv_lr16x.*": 1.2}
    assert widths_of(channels, factors, Limits(multiple=8)) == {
        "encoder.to32x.0.expand.conv": 16,
        "encoder.to32x.1.expand.conv": 32,  # 30
        "encoder.to32x.2.expand.conv": 40,  # 36: halves are rounded up
        "lr_branch.conv_lr16x.conv": 8,  # 10
    }
    assert widths_of(channels, {"f_branch.conv_f2x.*": 1.1}, Limits(multiple=4)) == {"f_branch.conv_f2x.conv": 8}
    assert widths_of(channels, {"hr_branch.conv_hr2x.2.*": 1}, Limits(multiple=4)) == {"hr_branch.conv_hr2x.2.conv": 5}


@pytest.mark.slow
def test_the_program(tmp_path):
    small, output = save_narrow(tmp_path / "small.ckpt", scores={"mse": 0.1}, epoch=3), tmp_path / "wide.ckpt"
    pattern = "encoder.to32x.?.expand.*=1.5"
    done = run_main(program.main, "--ckpt_path", small, "--widen", pattern, "--multiple", 4, "--output", output)
    assert done.status == 0, done.err
    network, meta = load_network(output)
    assert [block.hidden for block in network.spec.encoder.blocks[3:]] == [24, 32, 36]
    assert meta.scores == {} and meta.epoch == 0
    assert meta.source["file"] == "small.ckpt"
    assert meta.source["widening"] == "encoder.to32x.?.expand.*=1.5 (multiple 4, seed 0)"
    before, after = count(build_network(narrow_spec())), count(network)
    assert f"before: {before.parameters} parameters" in done.out and f"after: {after.parameters} parameters" in done.out
    kept = read_checkpoint(output).weights["encoder.stem.conv.weight"].asnumpy()
    np.testing.assert_array_equal(kept, narrow_state()["encoder.stem.conv.weight"])


@pytest.mark.slow
def test_mistakes(tmp_path):
    small, output = save_narrow(tmp_path / "small.ckpt"), tmp_path / "wide.ckpt"
    with pytest.raises(ConfigError, match=r"'decoder\.\*' fits none of the network's groups: encoder\.stem\.conv"):
        widen_checkpoint(small, {"decoder.*": 2}, 1, 0, output)
    for factor in (0.5, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match="1 or more"):
            widen_checkpoint(small, {"encoder.*": factor}, 1, 0, output)
    assert not output.exists()
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="is there already"):
        widen_checkpoint(small, {"encoder.*": 2}, 1, 0, output)
    assert output.read_bytes() == b"mine"
    for text in ("encoder.*", "encoder.*=wide"):
        done = run_main(program.main, "--ckpt_path", small, "--widen", text, "--output", tmp_path / "other.ckpt")
        assert done.status == 2 and "PATTERN=FACTOR such as" in done.err
    missing = run_main(program.main, "--ckpt_path", tmp_path / "no.ckpt", "--widen", "*=2", "--output", tmp_path / "o")
    assert missing.status == 2 and "No checkpoint at" in missing.err
