"""Scores of channels, computed by hand."""

import mindspore as ms
import numpy as np
import pytest

from src.losses import modnet_losses
from src.models.norms import frozen_statistics
from src.pruning.groups import channels_of
from src.pruning.importances.bn import bn_scale
from src.pruning.importances.gathering import unit_mean
from src.pruning.importances.l1 import filter_l1, l1
from src.pruning.importances.l2 import filter_l2, l2
from src.pruning.importances.taylor import taylor
from src.pruning.surgery import arrays_of
from tests.support.narrow import narrow_batch, narrow_network

OF_WEIGHTS = {"l1": l1, "l2": l2, "bn": bn_scale}


@pytest.fixture(scope="module")
def network():
    return narrow_network()


@pytest.fixture(scope="module")
def channels(network):
    return channels_of(network)


def group_named(channels, name: str):
    return next(group for group in channels.groups if group.name == name)


def test_lengths_of_filters():
    weight = np.array([[[[3.0, -4.0]]], [[[0.0, 1.0]]]], np.float32)  # two filters, one input, 1x2
    assert filter_l1(weight).tolist() == [7.0, 1.0]
    assert filter_l2(weight).tolist() == [5.0, 1.0]
    assert filter_l1(weight, axis=3).tolist() == [3.0, 5.0]


def test_mean_of_one():
    assert unit_mean(np.array([1.0, 3.0])).tolist() == [0.5, 1.5]
    assert unit_mean(np.zeros(3)).tolist() == [1.0, 1.0, 1.0]


def test_members_of_a_group_count_alike(network, channels):
    """A residual stage's scores are the mean of its layers', each divided by its own mean; the sum is twice that."""
    weights, group = arrays_of(network), group_named(channels, "encoder.to4x.0.project.conv")
    parts = [np.abs(weights[f"{layer}.weight"]).sum((1, 2, 3)) for layer in group.layers]
    expected = sum(part / part.mean() for part in parts) / 2
    np.testing.assert_allclose(OF_WEIGHTS["l1"](weights, channels)[group.channels], expected, rtol=1e-6)
    np.testing.assert_allclose(OF_WEIGHTS["l1"](weights, channels, "sum")[group.channels], 2 * expected, rtol=1e-6)


@pytest.mark.parametrize("kind", OF_WEIGHTS)
def test_every_group_has_mean_one(network, channels, kind):
    scores = OF_WEIGHTS[kind](arrays_of(network), channels)
    assert [scores[group.channels].mean() for group in channels.groups] == pytest.approx([1.0] * len(channels.groups))


def test_batch_norm_scale_ignores_what_the_norm_undoes(network, channels):
    """Scaling filters and their norms' sigma alike keeps the function: bn scores stay, L1 scores move."""
    weights, group = arrays_of(network), group_named(channels, "encoder.head.conv")
    factor = np.linspace(0.5, 2, 16).astype(np.float32)
    scaled = dict(weights)
    scaled["encoder.head.conv.weight"] = weights["encoder.head.conv.weight"] * factor[:, None, None, None]
    variance = "encoder.head.norm.bnorm.moving_variance"
    scaled[variance] = weights[variance] * factor**2
    before, after = bn_scale(weights, channels)[group.channels], bn_scale(scaled, channels)[group.channels]
    np.testing.assert_allclose(after, before, rtol=1e-4)  # epsilon is not scaled
    assert np.abs(l1(scaled, channels)[group.channels] - l1(weights, channels)[group.channels]).max() > 0.3


def test_batch_norm_scale_by_hand(network, channels):
    weights, group = arrays_of(network), group_named(channels, "lr_branch.conv_lr8x.conv")  # 3 + 3 channels
    plain = np.abs(weights["lr_branch.conv_lr8x.conv.weight"]).sum((1, 2, 3))
    norm = "lr_branch.conv_lr8x.norm.bnorm"
    folded = plain[:3] * np.abs(weights[f"{norm}.gamma"]) / np.sqrt(weights[f"{norm}.moving_variance"] + 1e-5)
    expected = np.concatenate([folded / folded.mean(), plain[3:] / plain[3:].mean()])
    np.testing.assert_allclose(bn_scale(weights, channels)[group.channels], expected, rtol=1e-5)


def loss_of(network, batch) -> float:
    image, trimap, alpha = (ms.Tensor(array) for array in batch)
    with frozen_statistics(network):
        return float(sum(modnet_losses(network(image), image, trimap, alpha)).asnumpy())


def test_taylor_predicts_the_loss_of_a_weakened_channel(network, channels):
    """Scores are proportional to |loss with a channel's columns 1 % weaker - loss|, up to second order."""
    batch, before = narrow_batch(64, 2), arrays_of(network)
    scores = taylor(network, channels, [batch], modnet_losses)
    after = arrays_of(network)
    assert all(np.array_equal(before[name], after[name]) for name in before)  # nothing moved
    parameters, base, step = {p.name: p for p in network.get_parameters()}, loss_of(network, batch), 0.02
    group, changes = group_named(channels, "hr_branch.conv_hr2x.2.conv"), []
    for number in group.channels:
        for sign in (1, -1):
            for axis in channels.columns:
                value = before[axis.parameter].copy()
                np.moveaxis(value, axis.axis, 0)[axis.channels == number] *= 1 + sign * step
                if (axis.channels == number).any():
                    parameters[axis.parameter].set_data(ms.Tensor(value))
            changes.append(loss_of(network, batch) - base)
            for axis in channels.columns:
                parameters[axis.parameter].set_data(ms.Tensor(before[axis.parameter]))
    central = np.abs(np.array(changes[::2]) - np.array(changes[1::2]))
    np.testing.assert_allclose(scores[group.channels], central / central.mean(), rtol=0.05, atol=0.04)


@pytest.mark.slow
def test_taylor_is_the_mean_over_batches(network, channels):
    one, other = narrow_batch(64, 2), tuple(np.ascontiguousarray(a[..., ::-1]) for a in narrow_batch(64, 2))
    group = channels.groups[3].channels
    scores = [taylor(network, channels, batches, modnet_losses)[group] for batches in ([one], [other], [one, other])]
    assert scores[2].mean() == pytest.approx(1.0)
    low, high = np.minimum(*scores[:2]), np.maximum(*scores[:2])
    weight = (scores[2] - scores[1]) / (scores[0] - scores[1])  # batches differ in size of gradient, not by channel
    np.testing.assert_allclose(weight, weight[0], rtol=1e-2)
    assert ((scores[2] > low - 1e-6) & (scores[2] < high + 1e-6)).all()


def test_summed_taylor_counts_a_channel_s_layers(network, channels):
    mean, summed = (taylor(network, channels, [narrow_batch(64, 2)], modnet_losses, way) for way in ("mean", "sum"))
    for group in channels.groups:
        np.testing.assert_allclose(summed[group.channels], len(group.layers) * mean[group.channels], rtol=1e-3)
