"""Which channels belong together, on networks small enough to say it by hand."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.common.errors import NetworkError
from src.models.build import build_network
from src.models.layers import Concat, Conv2d, SqueezeExcite
from src.models.modnet import MODNet
from src.models.narrowing import NARROWINGS, Narrowing
from src.models.units import ConvNormAct, MatteHead
from src.pruning.groups import channels_of
from src.spec.blocks import Norm
from tests.support.narrow import narrow_network, standard_spec


@pytest.fixture(scope="module")
def narrow():
    return channels_of(narrow_network())


def by_name(channels) -> dict[str, tuple[str, int, tuple[str, ...]]]:
    return {group.name: (group.part, len(group), group.layers) for group in channels.groups}


def test_groups_of_the_narrow_network(narrow):
    groups = by_name(narrow)
    stem = ("encoder.stem.conv", "encoder.to2x.0.depthwise.conv", "encoder.to2x.0.project.conv")
    assert groups["encoder.stem.conv"] == ("backbone", 6, stem)  # depthwise and shortcut: one set of channels
    stage = ("encoder.to4x.0.project.conv", "encoder.to4x.1.project.conv")
    assert groups["encoder.to4x.0.project.conv"] == ("backbone", 8, stage)
    expanded = ("encoder.to4x.1.expand.conv", "encoder.to4x.1.depthwise.conv")
    assert groups["encoder.to4x.1.expand.conv"] == ("backbone", 16, expanded)
    assert groups["lr_branch.se.fc1"] == ("lr", 4, ("lr_branch.se.fc1",))
    assert groups["lr_branch.conv_lr8x.conv"] == ("lr", 6, ("lr_branch.conv_lr8x.conv",))
    assert groups["f_branch.conv_f.conv"] == ("fusion", 3, ("f_branch.conv_f.conv",))
    assert not any(name.endswith("head.conv") and name != "encoder.head.conv" for name in groups)  # mattes stay
    # stem, five expansions, four stages, head; hr with the detail head
    assert [sum(part == p for part, _, _ in groups.values()) for p in ("backbone", "lr", "hr", "fusion")] == [
        11, 3, 12, 3
    ]  # fmt: skip


def test_no_channel_is_in_two_groups(narrow):
    numbers = np.concatenate([group.channels for group in narrow.groups])
    assert len(np.unique(numbers)) == len(numbers) == narrow.count - 3 - 3  # all but the image's and three mattes'


def test_columns_follow_a_concatenation(narrow):
    """conv_hr4x.0 reads conv_enc4x (8), lr8x (6) and the image (3), in this order."""
    read = {axis.parameter: axis.channels for axis in narrow.columns}
    made = {name: axis.channels for name, axis in narrow.filters.items()}
    image = read["encoder.stem.conv.weight"]
    expected = [made["hr_branch.conv_enc4x.conv"], made["lr_branch.conv_lr8x.conv"], image]
    assert read["hr_branch.conv_hr4x.0.conv.weight"].tolist() == np.concatenate(expected).tolist()
    assert read["f_branch.conv_lr4x.conv.weight"].tolist() == expected[1].tolist()
    assert read["lr_branch.head.conv.weight"].tolist() == expected[1].tolist()  # the training head reads them too


def test_batch_and_instance_half_of_a_norm(narrow):
    """tohr_enc2x has 5 channels: 2 batch-normalised, 3 instance-normalised, which have no parameters."""
    channels = narrow.norms["hr_branch.tohr_enc2x.norm"]
    axes = {a.parameter: a.channels.tolist() for a in narrow.axes if a.parameter.startswith("hr_branch.tohr_enc2x.n")}
    assert len(channels) == 5
    assert axes == {
        f"hr_branch.tohr_enc2x.norm.bnorm.{leaf}": channels[:2].tolist()
        for leaf in ("gamma", "beta", "moving_mean", "moving_variance")
    }


def test_gate_has_hidden_channels_of_its_own(narrow):
    axes = {(a.parameter, a.axis): (a.channels.tolist(), a.role) for a in narrow.axes if ".se." in a.parameter}
    hidden, features = narrow.hidden["lr_branch.se"].tolist(), narrow.norms["encoder.head.norm"].tolist()
    assert axes == {
        ("lr_branch.se.fc1.weight", 0): (hidden, "filter"),
        ("lr_branch.se.fc1.weight", 1): (features, "column"),
        ("lr_branch.se.fc2.weight", 0): (features, "value"),
        ("lr_branch.se.fc2.weight", 1): (hidden, "column"),
    }


@pytest.mark.parametrize(
    ("encoder", "groups", "channels"), [("mobilenetv2", 43, 10_168), ("efficientnet_lite0", 42, 0)]
)
def test_groups_of_the_full_networks(encoder, groups, channels):
    network = build_network(standard_spec(encoder))
    found = channels_of(network)
    assert len(found.groups) == groups
    assert sum(len(group) for group in found.groups) == found.count - 6
    assert channels in (0, found.count - 6)
    assert not network.training  # the mode that it had


class TwoInputs(nn.Cell):
    """Two convolutions summed by a shortcut, then joined with the image; `gate` and `bad` on demand."""

    def __init__(self, last: nn.Cell | None = None) -> None:
        super().__init__()
        self.a = ConvNormAct(3, Norm(4, 0), 1)
        self.b = ConvNormAct(4, Norm(2, 2), 1, shortcut=True)
        self.c = ConvNormAct(4, Norm(4, 0), 1, shortcut=True)
        self.join = Concat(False, False, False)
        self.gate = SqueezeExcite(11, 3)
        self.last = last or MatteHead(11, 1)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        a = self.a(x)
        b = self.b(a, a)
        return self.last(self.gate(self.join(self.c(b, b), x, a)))


@pytest.fixture
def known(monkeypatch):
    monkeypatch.setitem(NARROWINGS, TwoInputs, Narrowing({"a": "first"}, lambda network, kept: None))


@pytest.mark.usefixtures("known")
def test_sums_tie_and_concatenations_line_up():
    channels = channels_of(TwoInputs())
    assert by_name(channels) == {
        "a.conv": ("first", 4, ("a.conv", "b.conv", "c.conv")),
        "gate.fc1": ("gate", 3, ("gate.fc1",)),
    }
    read = {axis.parameter: axis.channels.tolist() for axis in channels.columns}
    summed, image = read["b.conv.weight"], read["a.conv.weight"]
    assert read["last.conv.weight"] == [*summed, *image, *summed]


class Odd(nn.Cell):
    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return x

    def out_shape(self, x: tuple[int, int, int]) -> tuple[int, int, int]:
        return x


@pytest.mark.usefixtures("known")
@pytest.mark.parametrize(("last", "named"), [(Odd(), r"'last' \(Odd\)"), (Conv2d(11, 22, 3, group=11), "in 11 groups")])
def test_layers_without_a_rule_are_named(last, named):
    with pytest.raises(NetworkError, match=named):
        channels_of(TwoInputs(last))


def test_layers_that_share_weights_are_refused(monkeypatch):
    class Twice(nn.Cell):
        def __init__(self) -> None:
            super().__init__()
            self.a = Conv2d(3, 3, 1)

        def construct(self, x: ms.Tensor) -> ms.Tensor:
            return self.a(self.a(x))

    with pytest.raises(NetworkError, match="'a' is used twice"):
        channels_of(Twice())


def test_network_classes_without_an_entry_are_named():
    with pytest.raises(NetworkError, match="A TwoInputs cannot be pruned"):
        channels_of(TwoInputs())
    assert MODNet in NARROWINGS
