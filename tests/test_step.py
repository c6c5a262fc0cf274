"""Compiled training steps of the narrow network against PyTorch in float64: losses, weights, statistics, averages."""

from dataclasses import dataclass

import mindspore as ms
import numpy as np
import pytest
import torch

from src.config import Config
from src.losses import modnet_losses
from src.models import MODNet
from src.training.parallel import freeze_batch_norm
from src.training.schedule import learning_rate
from src.training.step import LOSS_NAMES, TrainStep, build_optimizer, trainable
from tests import torch_modnet
from tests.narrow import narrow_batch, narrow_network, narrow_spec, narrow_state
from tests.torch_spec import SpecMODNet, named_tensors, our_name, torch_twin

STEPS = 5
SGD = Config(lr=0.002, momentum=0.9, lr_schedule="cosine", warmup_steps=2, epoch_size=STEPS, weight_decay=0.01)
ADAMW = Config(
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
    step, rate = TrainStep(cell, config), learning_rate(config, 1)
    results = [step(*batch_of_step(i), rate(i), i) for i in range(STEPS)]
    losses = np.array([[result.parts[name] for name in LOSS_NAMES] for result in results])
    assert [result.total for result in results] == pytest.approx(losses.sum(axis=1), rel=1e-6)
    values = {p.name: p.asnumpy() for p in cell.get_parameters()}
    return Run(losses, values, {name: p.asnumpy() for name, p in step.ema.items()})


def oracle_optimizer(twin: SpecMODNet, config: Config) -> torch.optim.Optimizer:
    decayed = [p for p in twin.parameters() if p.ndim > 1]
    others = [p for p in twin.parameters() if p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.lr, betas=(config.momentum, 0.999))


def oracle_losses(twin: SpecMODNet, step: int = 0) -> list[torch.Tensor]:
    image, trimap, alpha = (torch.from_numpy(x).double() for x in batch_of_step(step))
    return torch_modnet.losses(twin(image), image, trimap, alpha)


def oracle_run(config: Config) -> Run:
    twin = torch_twin(narrow_spec(), narrow_state()).train()
    optimizer, rate = oracle_optimizer(twin, config), learning_rate(config, 1)
    averages = {name: p.detach().clone() for name, p in twin.named_parameters()}
    losses = []
    for i in range(STEPS):
        parts = oracle_losses(twin, i)
        optimizer.zero_grad()
        sum(parts).backward()
        if config.clip_grad_norm:
            torch.nn.utils.clip_grad_norm_(twin.parameters(), config.clip_grad_norm)
        for group in optimizer.param_groups:
            group["lr"] = rate(i)
        optimizer.step()
        decay = min(config.ema_decay, (1 + i) / (10 + i))
        for name, p in twin.named_parameters():
            averages[name] = decay * averages[name] + (1 - decay) * p.detach()
        losses.append([part.item() for part in parts])
    values = {name: value.numpy() for name, value in named_tensors(twin).items()}
    return Run(np.array(losses), values, {our_name(name): value.numpy() for name, value in averages.items()})


@pytest.fixture(scope="module", params=[SGD, ADAMW], ids=["sgd", "adamw"])
def runs(request) -> tuple[Run, Run, Config]:
    return our_run(request.param), oracle_run(request.param), request.param


def test_losses_of_every_step(runs):
    ours, oracle, _ = runs
    print(ours.losses / oracle.losses - 1)
    np.testing.assert_allclose(ours.losses, oracle.losses, rtol=1e-3)


def distance(ours: dict[str, np.ndarray], oracle: dict[str, np.ndarray]) -> tuple[float, float]:
    """Of what training changed: (largest difference of ours, size of the change), over all entries of `ours`."""
    start = narrow_state()
    error = [np.linalg.norm(ours[name] - oracle[name]) for name in ours]
    moved = [np.linalg.norm(oracle[name] - start[name]) for name in ours]
    return float(np.linalg.norm(error)), float(np.linalg.norm(moved))


def test_weights_and_statistics_after_the_last_step(runs):
    ours, oracle, _ = runs
    for kind in ("weight", "bias", "gamma", "beta", "moving_mean", "moving_variance"):
        error, moved = distance({k: v for k, v in ours.weights.items() if k.endswith("." + kind)}, oracle.weights)
        print(kind, error, moved)
        assert moved > 0 and error < 2e-3 * moved, kind
