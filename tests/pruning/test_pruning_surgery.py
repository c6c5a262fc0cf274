"""A pruned network computes what the full one computes with exactly those channels zeroed for all their readers.

The reference is computed without the pruning code's knowledge of who reads what: in the full network every norm's
output map is multiplied by a mask where it is made.
"""

from dataclasses import replace

import mindspore as ms
import numpy as np
import pytest

from benchmarks.reference.golden import image
from src.backend import cpu_ops
from src.checkpoint.file import load_weights
from src.common.errors import NetworkError
from src.models import maps
from src.models.build import build_network
from src.pruning.groups import Channels, channels_of
from src.pruning.surgery import arrays_of, cut, prune, zero_channels
from src.spec.modnet import ModNetSpec
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.masked import Masked, outputs
from tests.support.narrow import narrow_spec, narrow_state
from tests.support.narrow_mmnet import narrow_mmnet, narrow_mmnet_state

PLANS = 50  # for each of two encoders and two kinds of weights: 200
ENCODERS = ("mobilenetv2", "efficientnet_lite0")


def spec_of(encoder: str) -> ModNetSpec:
    spec = narrow_spec()
    if encoder == "mobilenetv2":
        return spec
    return replace(spec, encoder=replace(spec.encoder, name=encoder, same_padding=True, bn_eps=1e-3))


def trained_like(state: dict[str, np.ndarray], seed: int = 1) -> dict[str, np.ndarray]:
    """Filters and scales of very different size, some dead, shifted and badly estimated statistics."""
    rng, result = np.random.default_rng(seed), {}
    for name, value in state.items():
        if value.ndim > 1:
            value = value * rng.lognormal(0, 0.5, (len(value), *[1] * (value.ndim - 1)))
        elif name.endswith("gamma"):
            value = rng.lognormal(0, 0.5, value.shape) * (rng.random(value.shape) > 0.1)
        elif name.endswith("variance"):
            value = rng.lognormal(0, 0.5, value.shape)
        else:
            value = 0.2 * rng.standard_normal(value.shape)
        result[name] = value.astype(np.float32)
    return result


def build(spec: ModNetSpec, trained: bool):
    state = trained_like(narrow_state()) if trained else narrow_state()
    network = build_network(spec)
    load_weights(network, {name: ms.Parameter(ms.Tensor(value)) for name, value in state.items()}, "the test")
    return network.set_train(False)


def random_keep(channels: Channels, rng: np.random.Generator, least: int = 1) -> np.ndarray:
    """Any share of each group, from `least` channels to all."""
    keep = np.ones(channels.count, bool)
    for group in channels.groups:
        share = rng.choice([0.0, 1.0, rng.random(), rng.random()])
        kept = rng.random(len(group)) < share
        kept[rng.permutation(len(group))[:least]] = True
        keep[group.channels] = kept
    return keep


def worst(one: list[np.ndarray], other: list[np.ndarray]) -> float:
    return max(float(np.abs(a - b).max()) for a, b in zip(one, other, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("trained", [False, True], ids=["random", "trained"])
@pytest.mark.parametrize("encoder", ENCODERS)
def test_equals_the_network_with_those_channels_zeroed(encoder, trained):
    network = build(spec_of(encoder), trained)
    channels, rng = channels_of(network), np.random.default_rng(7)
    full, inputs = Masked(network, channels), image(32, 64, 3)
    moved = 0
    whole = outputs(network, inputs)
    for _ in range(PLANS):
        keep = random_keep(channels, rng)
        expected = full.outputs(keep, inputs)
        assert worst(outputs(prune(network, keep, channels), inputs), expected) < 1e-5
        moved += worst(expected, whole) > 1e-2
    assert moved > PLANS / 2  # the masks do something


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["portable", "native"])
def test_in_both_layouts(layout, monkeypatch):
    if layout == "native" and not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: layout == "native")
    network = build(narrow_spec(), trained=True)
    channels, rng, inputs = channels_of(network), np.random.default_rng(2), image(64, 32, 4)
    for _ in range(4):
        keep = random_keep(channels, rng)
        narrow = prune(network, keep, channels)
        assert worst(outputs(narrow, inputs), Masked(network, channels).outputs(keep, inputs)) < 1e-5


@pytest.mark.slow
def test_mmnet():
    """Parallel branches of their own widths, joined and projected, with two logits at two heads."""
    network = narrow_mmnet(trained_like(narrow_mmnet_state()))
    channels, rng, inputs = channels_of(network), np.random.default_rng(3), image(64, 96, 4)
    assert [sum(group.part == part for group in channels.groups) for part in ("backbone", "decoder")] == [13, 8]
    for _ in range(10):
        keep = random_keep(channels, rng)
        narrow = prune(network, keep, channels)
        assert worst(outputs(narrow, inputs), Masked(network, channels).outputs(keep, inputs)) < 1e-5
        assert spec_from_json(spec_to_json(narrow.spec)) == narrow.spec


@pytest.mark.slow
def test_one_channel_everywhere_and_all_but_one():
    network = build(narrow_spec(), trained=False)
    channels, inputs = channels_of(network), image(32, 32, 5)
    for leave in (lambda n: [0], lambda n: [n - 1], lambda n: range(1, max(n, 2))):
        keep = np.ones(channels.count, bool)
        for group in channels.groups:
            keep[group.channels] = False
            keep[group.channels[[i for i in leave(len(group)) if i < len(group)]]] = True
        narrow = prune(network, keep, channels)
        assert worst(outputs(narrow, inputs), Masked(network, channels).outputs(keep, inputs)) < 1e-5


@pytest.mark.slow
def test_pruning_twice_is_pruning_once():
    """Pruned by one plan and then by another: exactly the weights that are in both."""
    network = build(narrow_spec(), trained=True)
    channels, rng = channels_of(network), np.random.default_rng(11)
    for _ in range(5):
        first = random_keep(channels, rng, least=2)  # a depthwise convolution of one channel is an ordinary one
        once = prune(network, first, channels)
        second = random_keep(channels_of(once), rng)
        both = first.copy()
        both[np.flatnonzero(first)] = second  # the pruned network's channels have the same order
        twice, direct = arrays_of(prune(once, second)), arrays_of(prune(network, both, channels))
        assert twice.keys() == direct.keys()
        for name, value in twice.items():
            np.testing.assert_array_equal(value, direct[name], err_msg=name)


def test_keeping_everything_changes_nothing():
    network = build(narrow_spec(), trained=False)
    channels = channels_of(network)
    same = prune(network, np.ones(channels.count, bool), channels)
    assert same.spec == network.spec
    before, after = arrays_of(network), arrays_of(same)
    assert before.keys() == after.keys()
    assert all(np.array_equal(value, after[name]) for name, value in before.items())


def test_spec_of_a_chosen_plan():
    """Kinds of an IBNorm's channels, shortcuts and strides stay; coupled widths shrink together."""
    network = build(narrow_spec(), trained=False)
    channels = channels_of(network)
    keep, groups = np.ones(channels.count, bool), {group.name: group for group in channels.groups}
    keep[groups["encoder.stem.conv"].channels[[1, 4]]] = False
    keep[groups["encoder.to4x.1.expand.conv"].channels[:7]] = False
    keep[groups["encoder.to4x.0.project.conv"].channels[3]] = False
    keep[groups["lr_branch.conv_lr8x.conv"].channels[[0, 1, 2, 5]]] = False  # all three with batch norm
    keep[groups["hr_branch.conv_hr2x.1.conv"].channels[[0, 4, 5]]] = False
    keep[groups["lr_branch.se.fc1"].channels[0]] = False
    spec, was = prune(network, keep, channels).spec, network.spec
    blocks = list(was.encoder.blocks)
    blocks[0] = replace(blocks[0], hidden=4, out=4)
    blocks[1], blocks[2] = replace(blocks[1], out=7), replace(blocks[2], hidden=9, out=7)
    assert spec == replace(
        was,
        encoder=replace(was.encoder, stem=4, blocks=tuple(blocks)),
        se_hidden=3,
        lr8x=replace(was.lr8x, bn=0, inorm=2),
        hr2x=(was.hr2x[0], replace(was.hr2x[1], bn=2, inorm=1), *was.hr2x[2:]),
    )
    assert [block.residual for block in spec.encoder.blocks] == [block.residual for block in was.encoder.blocks]


def test_weights_are_those_of_the_kept_channels():
    network = build(narrow_spec(), trained=False)
    channels, before = channels_of(network), arrays_of(network)
    keep = np.ones(channels.count, bool)
    lr8x = next(g for g in channels.groups if g.name == "lr_branch.conv_lr8x.conv")
    keep[lr8x.channels[[1, 3]]] = False
    after, left = cut(before, channels, keep), [0, 2, 4, 5]
    name = "lr_branch.conv_lr8x"
    np.testing.assert_array_equal(after[f"{name}.conv.weight"], before[f"{name}.conv.weight"][left])
    np.testing.assert_array_equal(after[f"{name}.norm.bnorm.gamma"], before[f"{name}.norm.bnorm.gamma"][[0, 2]])
    joined = [*range(8), *(8 + i for i in left), 14, 15, 16]  # conv_enc4x, lr8x, image
    name = "hr_branch.conv_hr4x.0.conv.weight"
    np.testing.assert_array_equal(after[name], before[name][:, joined])
    changed = {key for key in before if before[key].shape != after[key].shape}
    assert changed == {
        *(f"lr_branch.conv_lr8x.{leaf}" for leaf in ("conv.weight", "conv.bias")),
        *(f"lr_branch.conv_lr8x.norm.bnorm.{leaf}" for leaf in ("gamma", "beta", "moving_mean", "moving_variance")),
        *("lr_branch.head.conv.weight", "hr_branch.conv_hr4x.0.conv.weight", "f_branch.conv_lr4x.conv.weight"),
    }


@pytest.mark.slow
def test_zeroed_columns_are_the_same_pruning():
    network = build(narrow_spec(), trained=True)
    channels, rng, inputs = channels_of(network), np.random.default_rng(5), image(32, 32, 6)
    weights = arrays_of(network)
    for _ in range(5):
        keep = random_keep(channels, rng)
        expected = Masked(network, channels).outputs(keep, inputs)
        parameters = {p.name: p for p in network.get_parameters()}
        zeroed = zero_channels(weights, channels, keep)
        for name, value in zeroed.items():
            parameters[name].set_data(ms.Tensor(value))
        assert worst(outputs(network, inputs), expected) < 1e-5
        for name in zeroed:
            parameters[name].set_data(ms.Tensor(weights[name].copy()))


def test_empty_groups_and_fixed_channels_are_refused():
    network = build(narrow_spec(), trained=False)
    channels = channels_of(network)
    keep = np.ones(channels.count, bool)
    keep[channels.groups[2].channels] = False
    with pytest.raises(NetworkError, match=f"All 8 channels of '{channels.groups[2].name}'"):
        prune(network, keep, channels)
    keep[:] = True
    keep[0] = False  # red
    with pytest.raises(NetworkError, match="have to stay"):
        prune(network, keep, channels)
