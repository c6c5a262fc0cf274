"""The data flow read from the cells is the one that the cells compute."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from src.common.errors import NetworkError
from src.models.build import build_network
from src.models.graph import trace
from src.models.layers import Concat, Conv2d
from src.models.units import ConvNormAct
from src.spec.blocks import Norm
from tests.support.narrow import narrow_network, standard_spec


def conv_macs(graph) -> int:
    shapes = [(node.cell, node.shape) for node in graph if isinstance(node.cell, Conv2d)]
    return sum(cell.weight[0].size * c * h * w for cell, (c, h, w) in shapes)


def test_multiplications_of_the_paper_s_network():
    """Convolutions alone; squeeze-and-excite's 819,200 come on top (15.466 G deployed, 18.117 G with the heads)."""
    network = build_network(standard_spec())
    assert conv_macs(trace(network.set_train(False))) + 819_200 == 15_465_971_712
    assert conv_macs(trace(network.set_train(True))) + 819_200 == 18_117_066_752


def test_training_mode_adds_the_heads():
    network = narrow_network()
    deployed, training = trace(network, 64, 96), trace(network.set_train(True), 64, 96)
    assert [deployed.nodes[i].shape for i in deployed.outputs] == [(1, 64, 96)]
    assert [training.nodes[i].shape for i in training.outputs] == [(1, 4, 6), (1, 64, 96), (1, 64, 96)]
    added = {node.name for node in training} - {node.name for node in deployed}
    assert added == {
        *("lr_branch.head.conv", "lr_branch.head.to_matte", "hr_branch.conv_hr.conv", "hr_branch.conv_hr.norm"),
        *("hr_branch.head.conv", "hr_branch.head.to_matte"),
    }


def test_shapes_are_those_of_the_computed_maps():
    network = narrow_network()
    shapes = {}

    def note(cell: nn.Cell, inputs: tuple, output: ms.Tensor) -> None:
        shapes[names[id(cell)]] = output.shape

    graph = trace(network, 64, 96)
    last = {node.name: node for node in graph if node.index}  # not the image; a layer that is used twice: its last use
    names = {id(node.cell): name for name, node in last.items()}
    hooks = [node.cell.register_forward_hook(note) for node in last.values()]
    network(ms.Tensor(np.zeros((1, 3, 64, 96), np.float32)))
    for hook in hooks:
        hook.remove()
    assert len(last) == len(shapes) > 60
    for name, node in last.items():
        assert sorted(shapes[name][1:]) == sorted(node.shape), name  # sorted: in either layout


def test_edges_of_a_block_with_a_shortcut():
    graph = trace(narrow_network(), 64, 64)
    project = next(node for node in graph if node.name == "encoder.to4x.1.project.norm")
    conv, shortcut = (graph.nodes[i] for i in project.inputs)
    assert (conv.name, shortcut.name) == ("encoder.to4x.1.project.conv", "encoder.to4x.0.project.norm")
    assert [node.name for node in graph.consumers(shortcut.index)] == [
        "encoder.to4x.1.expand.conv", "encoder.to4x.1.project.norm"
    ]  # fmt: skip


class Unreadable(nn.Cell):
    def __init__(self, inner: nn.Cell) -> None:
        super().__init__()
        self.inner = inner

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.inner(x) * 2


class Plain(nn.Cell):
    def __init__(self) -> None:
        super().__init__()
        self.first = ConvNormAct(3, Norm(4, 0), 3)
        self.pool = nn.AvgPool2d(2)

    def construct(self, x: ms.Tensor) -> ms.Tensor:
        return self.pool(self.first(x))


@pytest.mark.parametrize(
    ("network", "named"), [(Unreadable(Concat(True)), "Unreadable"), (Plain(), "'pool' .AvgPool2d")]
)
def test_what_is_no_layer_is_named(network, named):
    with pytest.raises(NetworkError, match=named):
        trace(network, 32, 32)
    assert nn.Cell.__call__.__name__ == "__call__"  # put back
