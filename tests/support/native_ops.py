"""Native CPU operators run beside PyTorch: arrays, gradients, and how near they must be."""

from collections.abc import Callable

import mindspore as ms
import numpy as np
import pytest
import torch

from src.backend import cpu_ops

needs_native_ops = pytest.mark.skipif(
    not cpu_ops.available(),
    reason="the native CPU operators are not built here (bash scripts/setup.sh does); MODNET_CPU_OPS=0 hides them",
)
TOLERANCE = 1e-5  # of the largest value, float32


def rand(*shape: int, seed: int = 0, low: float | None = None) -> np.ndarray:
    """Normal values, or uniform ones in [low, low + 1]."""
    generator = np.random.default_rng([seed, *shape])
    values = generator.standard_normal(shape) if low is None else generator.uniform(low, low + 1, shape)
    return values.astype(np.float32)


def nchw(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def leaf(x: np.ndarray) -> torch.Tensor:
    return torch.tensor(nchw(x) if x.ndim == 4 else x, requires_grad=True)


def nhwc(x: torch.Tensor) -> np.ndarray:
    x = x.detach().numpy()
    return x.transpose(0, 2, 3, 1) if x.ndim == 4 else x


def run(function: Callable, arrays: list[np.ndarray], weights: np.ndarray, graph: bool) -> tuple[np.ndarray, list]:
    """Value of `function` and the gradients of sum(value * weights) for all arrays."""
    weighted = ms.Tensor(weights)

    def loss(*args):
        y = function(*args)
        return (y * weighted).sum(), y

    gradient = ms.value_and_grad(loss, tuple(range(len(arrays))), has_aux=True)

    def step(*args):
        return gradient(*args)

    (_, y), gradients = (ms.jit(step) if graph else step)(*[ms.Tensor(a) for a in arrays])
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return y.asnumpy(), [g.asnumpy() for g in gradients]


def close(ours: np.ndarray, truth: np.ndarray) -> None:
    assert ours.shape == truth.shape
    np.testing.assert_allclose(ours, truth, rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(truth).max())))
