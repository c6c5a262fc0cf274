"""MMNet: the paper's table by its numbers, and the network against a transcription in PyTorch."""

import mindspore as ms
import numpy as np
import pytest
import torch

from src.backend import cpu_ops
from src.checkpoint.file import Meta, load_network, read_checkpoint, save_checkpoint, weights_of
from src.models import maps
from src.models.build import build_network
from src.models.graph import trace
from src.models.layers import Concat, Conv2d, NormAct
from src.spec.blocks import Norm
from src.spec.mmnet import WIDTH_MULTIPLIERS, mmnet_spec, scaled
from src.spec.preprocess import Preprocess
from src.spec.serialisation import spec_from_json, spec_to_json
from tests.support.narrow_mmnet import Oracle, narrow_mmnet, narrow_mmnet_spec, narrow_mmnet_state

# width: trained numbers, with moving statistics, weights of ordinary convolutions, of depthwise ones
COUNTS = {
    1.4: (356_588, 368_876, 318_880, 25_416),
    1.0: (190_652, 199_420, 163_808, 18_072),
    0.75: (120_428, 127_244, 99_496, 14_112),
    0.5: (64_260, 68_996, 49_872, 9_648),
    0.35: (34_108, 37_404, 24_040, 6_768),
}
# Millions of multiplications at 256x256, the logits being read after the upsampling.
MACS = {1.4: 621.9, 1.0: 327.5, 0.75: 213.4, 0.5: 119.3}
BLOCKS = {  # encoder and decoder of width 1.0: trained numbers
    "encoder.stem": 928, "encoder.to4x.0": 4640, "encoder.to8x.0": 3440, "encoder.to8x.1": 5904,
    "encoder.to8x.2": 5904, "encoder.to8x.3": 8528, "encoder.to16x.0": 17936, "encoder.to16x.1": 17936,
    "encoder.to16x.2": 17936, "encoder.to16x.3": 23200, "encoder.to16x.4": 41680, "decoder.up8x": 8376,
    "decoder.up4x": 6096, "decoder.refine.0": 16040, "decoder.refine.1": 11240, "decoder.reduce": 672,
    "decoder.head": 34, "auxiliary": 162,
}  # fmt: skip


@pytest.fixture(params=["portable", "native"])
def layout(request, monkeypatch) -> str:
    """Networks built inside the test take this layout."""
    if request.param == "native" and not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: request.param == "native")
    return request.param


def some_images(size: int = 64, batch: int = 2) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 1, (batch, 3, size, size)).astype(np.float32)


def test_widths_are_multiples_of_eight():
    assert [scaled(base, 1.4) for base in (16, 24, 32, 40, 64, 80, 120)] == [24, 32, 48, 56, 88, 112, 168]
    assert [scaled(base, 0.75) for base in (16, 24, 32, 40, 64, 80, 120)] == [16, 16, 24, 32, 48, 64, 88]
    assert [scaled(base, 0.5) for base in (16, 24, 32, 40, 64, 80, 120)] == [8, 16, 16, 24, 32, 40, 64]
    assert set(WIDTH_MULTIPLIERS) < set(COUNTS)


@pytest.mark.slow
@pytest.mark.parametrize("width", COUNTS)
def test_parameters(width):
    network = build_network(mmnet_spec(width))
    trained, stored, ordinary, depthwise = COUNTS[width]
    assert sum(p.size for p in network.trainable_params()) == trained
    assert sum(p.size for p in network.get_parameters()) == stored
    kernels = [cell for _, cell in network.cells_and_names() if isinstance(cell, Conv2d)]
    assert sum(cell.weight.size for cell in kernels if cell.group == 1) == ordinary
    assert sum(cell.weight.size for cell in kernels if cell.group > 1) == depthwise


def test_every_block_of_the_table():
    network = build_network(mmnet_spec())
    sizes = dict.fromkeys(BLOCKS, 0)
    for parameter in network.trainable_params():
        (block,) = [name for name in BLOCKS if parameter.name.startswith(f"{name}.")]
        sizes[block] += parameter.size
    assert sizes == BLOCKS
    cells = [cell for _, cell in network.cells_and_names()]
    norms = [cell for cell in cells if isinstance(cell, NormAct)]
    assert (sum(isinstance(cell, Conv2d) for cell in cells), len(norms)) == (107, 105)
    assert sum(cell.bn for cell in norms) == 4384 and {cell.eps for cell in norms} == {1e-3}
    assert {round(cell.bnorm.momentum, 6) for cell in norms} == {0.001}


@pytest.mark.slow
@pytest.mark.parametrize("width", MACS)
def test_multiplications(width):
    graph = trace(build_network(mmnet_spec(width)).set_train(False), 256, 256)
    convolutions = [node for node in graph if isinstance(node.cell, Conv2d)]
    macs = {node.name: node.cell.weight[0].size * np.prod(node.shape) for node in convolutions}
    assert next(node for node in convolutions if node.name == "decoder.head").shape == (2, 64, 64)
    late = 15 * macs["decoder.head"]  # what the original's head computes more, at 256x256
    assert (sum(macs.values()) + late) / 1e6 == pytest.approx(MACS[width], abs=0.05)


def test_maps_and_heads():
    network = build_network(mmnet_spec())
    deployed, training = trace(network.set_train(False), 256, 192), trace(network.set_train(True), 256, 192)
    assert [deployed.nodes[i].shape for i in deployed.outputs] == [(1, 256, 192)]
    assert [training.nodes[i].shape for i in training.outputs] == [(2, 256, 192), (2, 16, 12)]
    shapes = {node.name: node.shape for node in deployed}
    assert "auxiliary" not in shapes
    assert shapes["encoder.to4x.0.project.norm"] == (16, 64, 48)
    assert shapes["encoder.to8x.3.project.norm"] == (40, 32, 24)
    assert shapes["encoder.to16x.4.join"] == (240, 16, 12) and shapes["decoder.up4x.join"] == (80, 64, 48)


def test_initial_weights_are_glorots():
    """The largest of many uniform numbers is near their limit, sqrt(6 / (fan_in + fan_out))."""
    network = build_network(mmnet_spec())
    cells = dict(network.cells_and_names())
    for name, fans in {
        "encoder.stem.conv": 9 * (3 + 32),
        "encoder.to16x.4.project.conv": 240 + 80,
        "encoder.to16x.4.branches.0.1.conv": 9 + 9 * 120,
    }.items():
        assert np.abs(cells[name].weight.asnumpy()).max() == pytest.approx(np.sqrt(6 / fans), rel=0.02)
    assert np.all(cells["decoder.head"].bias.asnumpy() == 0)


@pytest.mark.slow
def test_inference_equals_the_transcription(layout):
    image = some_images()
    matte = narrow_mmnet()(ms.Tensor(image)).asnumpy()
    logits, _ = Oracle(narrow_mmnet_spec(), narrow_mmnet_state(), training=False)(image)
    np.testing.assert_allclose(matte, torch.softmax(logits, 1)[:, 1:].numpy(), atol=1e-5)


@pytest.mark.slow
def test_training_outputs_equal_the_transcription(layout):
    image = some_images(96, 3)
    outputs = narrow_mmnet().set_train(True)(ms.Tensor(image))
    expected = Oracle(narrow_mmnet_spec(), narrow_mmnet_state(), training=True)(image)
    assert [x.shape for x in outputs] == [(3, 2, 96, 96), (3, 2, 6, 6)]
    for ours, theirs in zip(outputs, expected, strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs.numpy(), atol=2e-4)


def test_legacy_upsampling_by_hand(layout):
    """Output j lies at j / 2 of the input; the last one repeats the border."""
    x = np.float32([[0, 4], [8, 16]]).reshape(1, 1, 2, 2)
    expected = [[0, 2, 4, 4], [4, 7, 10, 10], [8, 12, 16, 16], [8, 12, 16, 16]]
    cell, put = Concat(True, legacy=True), maps.ToLayout()
    np.testing.assert_array_equal(cell(put(ms.Tensor(x))).asnumpy().reshape(4, 4), expected)
    row = np.float32([0, 4, 8]).reshape(1, 1, 1, 3)
    twice = cell(cell(put(ms.Tensor(row)))).asnumpy().reshape(4, 12)  # two steps of two are one of four
    np.testing.assert_array_equal(twice[0], [0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 8, 8])


def test_gradient_of_legacy_upsampling_by_hand(layout):
    """Each output hands its gradient to the inputs that it was blended from."""
    cell, put = Concat(True, False, legacy=True), maps.ToLayout()
    small, large = np.zeros((1, 1, 1, 2), np.float32), np.zeros((1, 1, 2, 4), np.float32)
    pull = put(ms.Tensor(np.float32([[[1, 10, 100, 1000], [0] * 4], [[0] * 4, [0] * 4]]).reshape(1, 2, 2, 4)))

    def objective(a: ms.Tensor, b: ms.Tensor) -> ms.Tensor:
        return (cell(put(a), put(b)) * pull).sum()

    of_small, of_large = ms.value_and_grad(objective, (0, 1))(ms.Tensor(small), ms.Tensor(large))[1]
    np.testing.assert_array_equal(of_small.asnumpy().ravel(), [1 + 10 / 2, 10 / 2 + 100 + 1000])
    np.testing.assert_array_equal(of_large.asnumpy(), np.zeros((1, 1, 2, 4)))


def test_dilated_convolution_by_hand(layout):
    """Nine taps two pixels apart; as wide a border of zeros."""
    cell = Conv2d(1, 1, 3, same_padding=True, dilation=2)
    cell.weight.set_data(ms.Tensor(np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)))
    x = np.zeros((1, 1, 5, 5), np.float32)
    x[0, 0, 2, 2] = 1
    y = cell(maps.ToLayout()(ms.Tensor(x))).asnumpy().reshape(5, 5)
    expected = np.zeros((5, 5))
    expected[::2, ::2] = [[9, 8, 7], [6, 5, 4], [3, 2, 1]]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("momentum", [0.999, 0.5])
def test_momentum_of_the_moving_statistics(layout, momentum):
    cell = NormAct(Norm(1, 0), "none")
    cell.set_momentum(momentum)
    cell.set_train(True)
    x = maps.ToLayout()(ms.Tensor(np.float32([1, 3]).reshape(1, 1, 1, 2)))  # mean 2, unbiased variance 2
    cell(x)
    assert cell.bnorm.moving_mean.asnumpy()[0] == pytest.approx((1 - momentum) * 2, rel=1e-4)
    assert cell.bnorm.moving_variance.asnumpy()[0] == pytest.approx(momentum * 1 + (1 - momentum) * 2, rel=1e-4)


@pytest.mark.slow
def test_checkpoints_rebuild_the_network(tmp_path):
    spec, network = narrow_mmnet_spec(), narrow_mmnet()
    pre = Preprocess((0, 0, 0), (1, 1, 1), ref_size=(256, 192))
    save_checkpoint(tmp_path / "m.ckpt", weights_of(network), Meta("mmnet", spec.encoder_name, spec, pre))
    again, meta = load_network(tmp_path / "m.ckpt")
    assert (meta.spec, meta.preprocess, meta.encoder) == (spec, pre, None)
    assert set(read_checkpoint(tmp_path / "m.ckpt").weights) == set(narrow_mmnet_state())
    np.testing.assert_array_equal(
        again(ms.Tensor(some_images())).asnumpy(), network(ms.Tensor(some_images())).asnumpy()
    )


@pytest.mark.parametrize("spec", [mmnet_spec(), mmnet_spec(0.5), narrow_mmnet_spec()], ids=lambda s: s.stem)
def test_json_gives_back_the_same_spec(spec):
    again = spec_from_json(spec_to_json(spec))
    assert again == spec and hash(again) == hash(spec)
