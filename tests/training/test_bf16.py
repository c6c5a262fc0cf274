"""Training with bfloat16 maps on the CPU: near float32, scored in float32, and resumed bit for bit."""

import mindspore as ms
import numpy as np
import pytest

from src.backend import cpu_ops
from src.common.errors import DeviceError
from src.common.log import logger
from src.config.config import Config
from src.models.build import build_network
from src.spec.mmnet import mmnet_spec
from src.training.precision import check_level, float16, half_maps, say_level
from src.training.step import TrainStep
from tests.support.narrow import narrow_batch, narrow_network
from tests.support.steps import train_step

RATE = 0.01
needs_bf16 = pytest.mark.skipif(not cpu_ops.bf16(), reason="this CPU does not multiply bfloat16")


def test_what_the_levels_mean(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cpu_ops, "available", lambda: True)
    for multiplies in (True, False):
        monkeypatch.setattr(cpu_ops, "bf16", lambda multiplies=multiplies: multiplies)
        assert [half_maps(level) for level in ("auto", "O0", "O2")] == [multiplies, False, multiplies]
        assert [float16(level) for level in ("auto", "O0")] == [False, False]
    with pytest.raises(DeviceError, match="O2 needs a CPU with AVX512_BF16"):
        check_level("O2", "CPU")
    for level, device in (("auto", "CPU"), ("O0", "CPU"), ("O2", "GPU"), ("O3", "Ascend"), ("auto", "GPU")):
        check_level(level, device)
    monkeypatch.setattr(cpu_ops, "available", lambda: False)
    with pytest.raises(DeviceError, match="O2 needs the native operators"):
        check_level("O2", "CPU")


def test_the_log_says_what_a_level_means(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(logger, "propagate", True)
    monkeypatch.setattr(cpu_ops, "bf16", lambda: False)
    with caplog.at_level("INFO"):
        say_level("O0")
        assert not caplog.messages
        say_level("auto")
        assert set(caplog.messages) == {"amp_level auto: float32"}
        monkeypatch.setattr(cpu_ops, "bf16", lambda: True)
        caplog.clear()
        say_level("auto")
        assert set(caplog.messages) == {"amp_level auto: bfloat16 maps"}


def level(name: str) -> Config:
    return Config.from_values(optimizer="sgd", momentum=0.9, ema_decay=0.5, amp_level=name)


def one_step(step: TrainStep, number: int = 0) -> tuple[float, dict[str, np.ndarray]]:
    """Loss of a step, and what it added to the weights."""
    step.network.set_train(True)
    before = {p.name: p.asnumpy().copy() for p in step.optimizer.parameters}
    total = step(narrow_batch(64, 3), RATE, number).total
    return total, {p.name: p.asnumpy() - before[p.name] for p in step.optimizer.parameters}


def size(values: dict[str, np.ndarray]) -> float:
    return float(np.sqrt(sum((value.astype(np.float64) ** 2).sum() for value in values.values())))


@needs_bf16
@pytest.mark.slow
def test_a_step_in_bfloat16_is_near_that_in_float32_and_resumes_bit_for_bit():
    expected, straight = one_step(train_step(narrow_network(), level("O0")))
    step = train_step(narrow_network(), level("auto"))
    total, change = one_step(step)
    assert total == pytest.approx(expected, rel=0.03) and total != expected
    # Rounding to 8 bits, made larger by norms over few pixels; another direction would differ by 1.4.
    assert size({name: change[name] - straight[name] for name in straight}) < 0.4 * size(straight)
    assert all(p.dtype == ms.float32 for p in step.network.get_parameters())

    kept = {p.name: p.asnumpy().copy() for p in step.network.get_parameters()}
    state = {name: ms.Parameter(ms.Tensor(value.asnumpy().copy())) for name, value in step.state().items()}
    weights = {name: value.asnumpy().copy() for name, value in step.weights().items()}
    total, _ = one_step(step, 1)
    end = {p.name: p.asnumpy() for p in (*step.network.get_parameters(), *step.ema.values())}

    network = narrow_network()
    ms.load_param_into_net(network, {n: ms.Parameter(ms.Tensor(v), name=n) for n, v in weights.items()}, True)
    resumed = train_step(network, level("O2"))
    resumed.restore(state)
    for p in resumed.network.get_parameters():
        np.testing.assert_array_equal(p.asnumpy(), kept[p.name], err_msg=p.name)
    assert one_step(resumed, 1)[0] == total
    for p in (*resumed.network.get_parameters(), *resumed.ema.values()):
        np.testing.assert_array_equal(p.asnumpy(), end[p.name], err_msg=p.name)


@needs_bf16
@pytest.mark.slow
def test_a_network_whose_maps_go_to_many_layers():
    """MMNet: every map feeds several branches, depthwise and dilated, with channels that fill no vector."""
    image, _, alpha = narrow_batch(64, 2)
    losses = {}
    for name in ("O0", "O2"):
        ms.set_seed(3)
        network = build_network(mmnet_spec(0.35)).set_train(True)
        step = train_step(network, Config.from_values(network="mmnet", amp_level=name))
        losses[name] = [step((np.clip(image / 5 + 0.5, 0, 1), alpha, alpha), RATE / 10, i).total for i in range(3)]
    assert losses["O2"] == pytest.approx(losses["O0"], rel=0.05) and losses["O2"] != losses["O0"]


@needs_bf16
def test_scores_are_those_of_float32():
    image = ms.Tensor(narrow_batch(64, 1)[0])
    plain, half = narrow_network(), narrow_network()
    train_step(half, level("O2"))
    np.testing.assert_array_equal(half.set_train(False)(image).asnumpy(), plain.set_train(False)(image).asnumpy())
    trained = half.set_train(True)(image)[2]
    assert trained.dtype == ms.float32
    assert 0 < float(np.abs(trained.asnumpy() - plain.set_train(True)(image)[2].asnumpy()).max()) < 0.2
