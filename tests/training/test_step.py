"""Compiled training steps of the narrow network against PyTorch in float64: losses, weights, statistics, averages."""

from dataclasses import dataclass

import mindspore as ms
import numpy as np
import pytest
import torch

from benchmarks.reference import torch_modnet
from benchmarks.reference.torch_spec import SpecMODNet, named_tensors, our_name, torch_twin
from src.config.config import Config
from src.losses import modnet_losses
from src.training.network import adjust
from src.training.optimisers import build_optimizer
from src.training.schedule import learning_rate
from src.training.step import put_back
from tests.support.narrow import narrow_batch, narrow_network, narrow_spec, narrow_state
from tests.support.steps import train_step

STEPS = 5
SGD = Config.from_values(
    lr=0.002, momentum=0.9, lr_schedule="cosine", warmup_steps=2, epoch_size=STEPS, weight_decay=0.01
)
ADAMW = Config.from_values(
    lr=0.002, optimizer="adamw", lr_schedule="one_cycle", epoch_size=STEPS, weight_decay=0.1, clip_grad_norm=0.5,
    ema_decay=0.3,
)  # fmt: skip


def batch_of_step(step: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A batch of three, another one at each step."""
    return tuple(np.roll(x, 7 * step, axis=3) for x in narrow_batch(96, 3))


@dataclass
class Run:
    """Losses [step, part], and after the last step weights and moving averages by our names."""

    losses: np.ndarray
    weights: dict[str, np.ndarray]
    averages: dict[str, np.ndarray]


def our_run(config: Config) -> Run:
    cell = narrow_network().set_train(True)
    step, rate = train_step(cell, config), learning_rate(config.schedule, 1)
    results = [step(batch_of_step(i), rate(i), i) for i in range(STEPS)]
    losses = np.array([[result.parts[name] for name in step.objective.names] for result in results])
    assert [result.total for result in results] == pytest.approx(losses.sum(axis=1), rel=1e-6)
    values = {p.name: p.asnumpy() for p in cell.get_parameters()}
    return Run(losses, values, {name: p.asnumpy() for name, p in step.ema.items()})


def oracle_optimizer(twin: SpecMODNet, config: Config) -> torch.optim.Optimizer:
    decayed = [p for p in twin.parameters() if p.ndim > 1]
    others = [p for p in twin.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": config.optimiser.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    if config.optimiser.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.schedule.lr, momentum=config.optimiser.momentum)
    return torch.optim.AdamW(groups, lr=config.schedule.lr, betas=(config.optimiser.momentum, 0.999))


def oracle_losses(twin: SpecMODNet, step: int = 0) -> list[torch.Tensor]:
    image, trimap, alpha = (torch.from_numpy(x).double() for x in batch_of_step(step))
    return torch_modnet.losses(twin(image), image, trimap, alpha)


def oracle_run(config: Config) -> Run:
    twin = torch_twin(narrow_spec(), narrow_state()).train()
    optimizer, rate = oracle_optimizer(twin, config), learning_rate(config.schedule, 1)
    averages = {name: p.detach().clone() for name, p in twin.named_parameters()}
    losses = []
    for i in range(STEPS):
        parts = oracle_losses(twin, i)
        optimizer.zero_grad()
        sum(parts).backward()
        if config.optimiser.clip_grad_norm:
            torch.nn.utils.clip_grad_norm_(twin.parameters(), config.optimiser.clip_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate(i)
        optimizer.step()
        decay = min(config.optimiser.ema_decay, (1 + i) / (10 + i))
        for name, p in twin.named_parameters():
            averages[name] = decay * averages[name] + (1 - decay) * p.detach()
        losses.append([part.item() for part in parts])
    values = {name: value.numpy() for name, value in named_tensors(twin).items()}
    return Run(np.array(losses), values, {our_name(name): value.numpy() for name, value in averages.items()})


@pytest.fixture(scope="module", params=[SGD, ADAMW], ids=["sgd", "adamw"])
def runs(request) -> tuple[Run, Run, Config]:
    return our_run(request.param), oracle_run(request.param), request.param


def test_losses_of_every_step(runs):
    """The rate differs at every step, so that a stale one shows."""
    ours, oracle, _ = runs
    np.testing.assert_allclose(ours.losses, oracle.losses, rtol=1e-3)


def distance(ours: dict[str, np.ndarray], oracle: dict[str, np.ndarray], leaf: str) -> float:
    """L2 distance to the oracle, as a share of how far the oracle's training moved; over all names ending in `leaf`."""
    start, names = narrow_state(), [name for name in ours if name.endswith(f".{leaf}")]
    error = [np.linalg.norm(ours[name] - oracle[name]) for name in names]
    moved = [np.linalg.norm(oracle[name] - start[name]) for name in names]
    assert np.linalg.norm(moved) > 0
    return float(np.linalg.norm(error) / np.linalg.norm(moved))


def tolerance(config: Config) -> float:
    """Adam divides by the gradient's own size, which magnifies the rounding of small ones."""
    return 1e-3 if config.optimiser.optimizer == "sgd" else 0.02


@pytest.mark.parametrize("leaf", ["weight", "gamma", "beta"])
def test_weights_after_the_last_step(runs, leaf):
    ours, oracle, config = runs
    assert distance(ours.weights, oracle.weights, leaf) < tolerance(config)


@pytest.mark.parametrize("leaf", ["moving_mean", "moving_variance"])
def test_statistics_after_the_last_step(runs, leaf):
    ours, oracle, _ = runs
    assert distance(ours.weights, oracle.weights, leaf) < 1e-3


def test_moving_averages_of_the_weights(runs):
    ours, oracle, config = runs
    assert set(ours.averages) == (set() if config.optimiser.ema_decay == 0 else set(oracle.averages))
    for leaf in ("weight", "gamma", "beta") if ours.averages else ():
        assert distance(ours.averages, oracle.averages, leaf) < tolerance(config)


@pytest.mark.slow
def test_every_parameter_has_the_oracles_gradient():
    cell = narrow_network().set_train(True)
    image, trimap, alpha = (ms.Tensor(x) for x in batch_of_step(0))

    def total(image: ms.Tensor) -> ms.Tensor:
        parts = modnet_losses(cell(image), image, trimap, alpha)
        return parts[0] + parts[1] + parts[2]

    parameters = cell.trainable_params()
    _, gradients = ms.value_and_grad(total, None, parameters)(image)
    twin = torch_twin(narrow_spec(), narrow_state()).train()
    sum(oracle_losses(twin)).backward()
    expected = {our_name(name): p.grad.numpy() for name, p in twin.named_parameters()}
    assert {p.name for p in parameters} == set(expected)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        # A shift before a norm has no effect: its gradient is zero but for rounding.
        atol = 1e-3 * np.abs(expected[parameter.name]).max() + 1e-5
        np.testing.assert_allclose(
            gradient.asnumpy(), expected[parameter.name], rtol=0, atol=atol, err_msg=parameter.name
        )
    idle = [name for name, gradient in expected.items() if np.abs(gradient).max() < 1e-9]
    assert idle and not any(name.endswith(("weight", "gamma")) for name in idle)


@pytest.mark.slow
def test_frozen_encoder_is_not_trained():
    cell = narrow_network()
    adjust(cell, Config.from_values(freeze_backbone=True).network)
    names = [p.name for p in cell.trainable_params()]
    assert names and not any(name.startswith("encoder.") for name in names)
    everything = {p.name for p in narrow_network().trainable_params()}
    assert {name for name in everything if not name.startswith("encoder.")} == set(names)


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_weight_decay_leaves_norms_and_biases_alone(optimizer, compiled):
    """Where the gradients are zero, a step takes lr * decay * weight away."""
    matrix, vector = ms.Parameter(np.full((2, 3), 2.0, np.float32)), ms.Parameter(np.full(3, 2.0, np.float32))
    settings = Config.from_values(optimizer=optimizer, weight_decay=0.5).optimiser
    update = build_optimizer([matrix, vector], settings)
    update.learning_rate.set_data(ms.Tensor(0.1, ms.float32))

    @ms.jit
    def step(first: ms.Tensor, second: ms.Tensor) -> ms.Tensor:
        update((first, second))
        return first

    step = step if compiled else lambda first, second: update((first, second))
    step(ms.Tensor(np.zeros((2, 3), np.float32)), ms.Tensor(np.zeros(3, np.float32)))
    np.testing.assert_allclose(matrix.asnumpy(), np.full((2, 3), 2 * (1 - 0.1 * 0.5)), rtol=1e-6)
    np.testing.assert_array_equal(vector.asnumpy(), np.full(3, 2.0))


@pytest.mark.slow
def test_state_and_restore_give_back_the_optimiser_and_the_trained_weights():
    config = Config.from_values(optimizer="adamw", ema_decay=0.5)
    step = train_step(narrow_network(), config)
    state = {
        name: ms.Tensor(np.full(value.shape, k % 7 + 0.5, value.asnumpy().dtype))
        for k, (name, value) in enumerate(step.state().items())
    }
    other = train_step(narrow_network(), config)
    other.restore(state)
    found = other.state()
    trained = [name for name in found if name.startswith("trained/")]
    assert set(found) == set(state) and len(trained) == len(step.ema) > 0
    for name, value in state.items():
        np.testing.assert_array_equal(found[name].asnumpy(), value.asnumpy(), err_msg=name)
    missing = next(iter(state))
    with pytest.raises(KeyError, match=missing):
        other.restore({name: value for name, value in state.items() if name != missing})


@pytest.mark.slow
def test_a_resumed_step_has_the_averages_of_the_weights_and_trains_on_behind_them():
    """A network with a checkpoint's weights, all 3, and its state, all 1, is one that trained to 1 and averages 3."""
    threes = {name: np.full_like(value, 3) for name, value in narrow_state().items()}
    step = train_step(narrow_network(threes), Config.from_values(ema_decay=0.5))
    ones = {name: ms.Tensor(np.ones(value.shape, value.asnumpy().dtype)) for name, value in step.state().items()}
    step.restore(ones)
    for name, value in step.weights().items():
        assert (value.asnumpy() == 3).all(), name
    trained = {p.name for p in step.network.trainable_params()}
    for p in step.network.get_parameters():
        assert (p.asnumpy() == (1 if p.name in trained else 3)).all(), p.name


@pytest.mark.slow
def test_a_run_that_goes_on_without_averages_has_the_weights_behind_them():
    averaging = train_step(narrow_network(), Config.from_values(ema_decay=0.5))
    state = {name: ms.Tensor(value.asnumpy() + 1, value.dtype) for name, value in averaging.state().items()}
    step = train_step(narrow_network(), Config())
    step.restore(state)
    for p in step.network.trainable_params():
        np.testing.assert_array_equal(p.asnumpy(), narrow_state()[p.name] + 1)


def test_a_state_that_does_not_fit_changes_nothing():
    first, second = ms.Parameter(ms.Tensor([1.0, 2.0]), name="a"), ms.Parameter(ms.Tensor([3.0]), name="b")
    places = [("a", first), ("b", second)]
    fits = {"a": ms.Parameter(ms.Tensor([7.0, 8.0])), "b": ms.Parameter(ms.Tensor([9.0]))}
    wrong = fits | {"b": ms.Parameter(ms.Tensor([9.0, 9.0]))}
    with pytest.raises(ValueError, match=r"b is Float32 \[2\], expected Float32 \[1\]"):
        put_back(wrong, places)
    assert first.asnumpy().tolist() == [1, 2]
    put_back(fits, places)
    assert (first.asnumpy().tolist(), second.asnumpy().tolist()) == ([7, 8], [9])
