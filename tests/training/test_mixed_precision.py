"""Mixed precision and its loss scale, as far as a CPU shows them: MindSpore's own operators, with float16 inside."""

from collections.abc import Iterator

import mindspore as ms
import numpy as np
import pytest

from src.config.config import Config
from src.training import loss_scale
from src.training.loss_scale import LossScale
from src.training.step import TrainStep
from tests.support.narrow import narrow_batch, narrow_network
from tests.support.steps import train_step


@pytest.mark.parametrize(
    ("before", "good", "finite", "after", "good_after"),
    [
        (65536.0, 5, True, 65536.0, 6),
        (65536.0, 5, False, 32768.0, 0),
        (65536.0, 999, True, 131072.0, 0),
        (1.0, 7, False, 1.0, 0),
        (2.0**30, 999, True, 2.0**30, 0),
    ],
)
def test_the_scale_is_halved_by_an_overflow_and_doubled_after_a_thousand_steps(before, good, finite, after, good_after):
    scale = LossScale()
    scale.value.set_data(ms.Tensor(before, ms.float32))
    scale.good_steps.set_data(ms.Tensor(good, ms.int32))
    scale.adjust(ms.Tensor(finite))
    assert (float(scale.value.asnumpy()), int(scale.good_steps.asnumpy())) == (after, good_after)


def test_scaled_and_unscaled_are_the_same():
    scale = LossScale()
    assert float(scale.scale(ms.Tensor(2.0, ms.float32)).asnumpy()) == 2 * loss_scale.FIRST
    gradients = (ms.Tensor([65536.0, -32768.0], ms.float32), ms.Tensor([[3 * 65536.0]], ms.float32))
    first, second = scale.unscale(gradients)
    assert first.asnumpy().tolist() == [1.0, -0.5] and second.asnumpy().tolist() == [[3.0]]


def one_step(step: TrainStep) -> tuple[float, dict[str, np.ndarray]]:
    """Loss of a step, and what it added to the weights."""
    step.network.set_train(True)
    before = {p.name: p.asnumpy().copy() for p in step.optimizer.parameters}
    total = step(narrow_batch(64, 2), 0.01, 0).total
    return total, {p.name: p.asnumpy() - before[p.name] for p in step.optimizer.parameters}


def scale_of(state: dict[str, ms.Tensor]) -> tuple[float, int]:
    return float(state["loss_scale/value"].asnumpy()), int(state["loss_scale/good_steps"].asnumpy())


SETTINGS = {"optimizer": "sgd", "momentum": 0.0, "clip_grad_norm": 0.5}


@pytest.fixture(scope="module")
def portable() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODNET_CPU_OPS", "0")
        yield


@pytest.fixture(scope="module")
def in_float32(portable: None) -> tuple[float, dict[str, np.ndarray]]:
    return one_step(train_step(narrow_network(), Config.from_values(**SETTINGS)))


@pytest.mark.slow
@pytest.mark.parametrize("level", ["O2", "O3"])
def test_a_step_in_float16_is_nearly_that_in_float32(level: str, in_float32: tuple[float, dict[str, np.ndarray]]):
    """Clipping included; and an overflow leaves the weights as they are and halves the scale, which a state keeps."""
    expected, straight = in_float32
    step = train_step(narrow_network(), Config.from_values(**SETTINGS, amp_level=level))
    total, change = one_step(step)  # gradients of these few pixels, times the first scale, are beyond float16
    assert total == pytest.approx(expected, rel=5e-3) and total != expected
    assert all((values == 0).all() for values in change.values())
    state = step.state()
    assert scale_of(state) == (loss_scale.FIRST / 2, 0)

    state["loss_scale/value"] = ms.Tensor(128.0, ms.float32)
    step.restore({name: ms.Parameter(value) for name, value in state.items()})
    total, mixed = one_step(step)
    assert total == pytest.approx(expected, rel=5e-3)
    norm = np.sqrt(sum((change**2).sum() for change in mixed.values()))
    assert norm == pytest.approx(0.01 * 0.5, rel=1e-2)
    # Rounding to 11 bits, made larger by norms over few pixels; another direction would differ by 1.4.
    difference = np.sqrt(sum(((mixed[name] - straight[name]) ** 2).sum() for name in straight))
    assert difference < 0.3 * norm
    assert scale_of(step.state()) == (128.0, 1)
