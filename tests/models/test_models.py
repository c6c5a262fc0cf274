"""Whole networks of other widths than the golden ones, against the generic oracle."""

import mindspore as ms
import numpy as np
import pytest
import torch

from benchmarks.reference.torch_spec import SpecMODNet, named_tensors, torch_twin
from src.backend import cpu_ops
from src.models import maps
from src.models.backbones import find_backbone
from src.models.build import Encoder, build_network
from src.models.norms import freeze_batch_norm
from tests.support.narrow import narrow_batch, narrow_network, narrow_spec, narrow_state, standard_spec


@pytest.fixture(scope="module")
def narrow():
    return narrow_network()


def oracle_outputs(image: np.ndarray, training: bool = False) -> list[np.ndarray]:
    twin = torch_twin(narrow_spec(), narrow_state()).train(training)
    with torch.no_grad():
        return [x.numpy() for x in twin(torch.from_numpy(image).double())]


@pytest.mark.parametrize(("batch", "height", "width"), [(1, 32, 32), (1, 64, 160), (3, 96, 96)])
def test_inference_gives_the_matte_alone_for_any_multiple_of_32(narrow, batch, height, width):
    image = np.random.default_rng(0).uniform(-1, 1, (batch, 3, height, width)).astype(np.float32)
    matte = narrow(ms.Tensor(image))
    assert matte.shape == (batch, 1, height, width)
    np.testing.assert_allclose(matte.asnumpy(), oracle_outputs(image)[2], atol=1e-5)


def test_a_batch_is_its_images_one_by_one(narrow):
    image, _, _ = narrow_batch(64, 3)
    together = narrow(ms.Tensor(image)).asnumpy()
    apart = np.concatenate([narrow(ms.Tensor(image[i : i + 1])).asnumpy() for i in range(3)])
    np.testing.assert_allclose(together, apart, atol=1e-6)


def test_training_gives_three_outputs_and_batch_statistics():
    image, _, _ = narrow_batch(96, 3)
    outputs = narrow_network().set_train(True)(ms.Tensor(image))
    assert [x.shape for x in outputs] == [(3, 1, 6, 6), (3, 1, 96, 96), (3, 1, 96, 96)]
    for ours, theirs in zip(outputs, oracle_outputs(image, training=True), strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs, atol=1e-4)


def test_frozen_norms_use_and_keep_their_statistics():
    image, _, _ = narrow_batch(96, 3)
    cell = narrow_network().set_train(True)
    freeze_batch_norm(cell)
    outputs = cell(ms.Tensor(image))
    for ours, theirs in zip(outputs, oracle_outputs(image), strict=True):
        np.testing.assert_allclose(ours.asnumpy(), theirs, atol=1e-5)
    state = narrow_state()
    for parameter in cell.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), state[parameter.name], err_msg=parameter.name)


def test_both_layouts_hold_the_same_parameters_and_give_the_same_matte(narrow, monkeypatch):
    if not cpu_ops.available():
        pytest.skip("the native operators are not built here (python -m src.backend.cpu_ops.build)")
    monkeypatch.setattr(maps, "native_layout", lambda: False)
    portable = narrow_network()
    shapes = [{p.name: (p.shape, p.requires_grad) for p in cell.get_parameters()} for cell in (narrow, portable)]
    assert shapes[0] == shapes[1]
    image = ms.Tensor(narrow_batch(64, 1)[0])
    np.testing.assert_allclose(narrow(image).asnumpy(), portable(image).asnumpy(), atol=1e-5)


@pytest.mark.slow
def test_efficientnet_lite0_encoder():
    """TensorFlow's padding, and the 4,652,008 weights of the ImageNet network less its classifier's 1,281,000."""
    spec = standard_spec("efficientnet_lite0", hr=8, lr16x=8, lr8x=8)
    cell = build_network(spec)
    rng = np.random.default_rng(0)
    for parameter in cell.get_parameters():
        if parameter.name.endswith(("gamma", "moving_variance")):
            parameter.set_data(ms.Tensor(rng.uniform(0.8, 1.2, parameter.shape).astype(np.float32)))
    twin = torch_twin(spec, {p.name: p.asnumpy() for p in cell.get_parameters()}).encoder
    image = np.random.default_rng(1).uniform(-1, 1, (1, 3, 64, 96)).astype(np.float32)
    encoder = cell.encoder.set_train(False)
    with torch.no_grad():
        expected = twin(torch.from_numpy(image).double())
    ours = encoder(cell.to_layout(ms.Tensor(image)))
    for a, b, channels, stride in zip(ours, expected, (16, 24, 1280), (2, 4, 32), strict=True):
        assert b.shape == (1, channels, 64 // stride, 96 // stride)
        a = a.asnumpy().transpose(0, 3, 1, 2) if maps.native_layout() else a.asnumpy()
        np.testing.assert_allclose(a, b.numpy(), atol=1e-4)
    assert (
        sum(p.size for p in Encoder(find_backbone("efficientnet_lite0").encoder()).trainable_params())
        == 4_652_008 - 1_281_000
    )


def test_the_oracle_names_every_parameter_of_ours(narrow):
    assert set(named_tensors(SpecMODNet(narrow_spec()))) == {p.name for p in narrow.get_parameters()}
