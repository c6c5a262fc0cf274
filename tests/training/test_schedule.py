"""Learning rates at chosen steps, worked out by hand from the formulas in the docstring."""

from math import cos, pi

import pytest

from src.common.log import logger
from src.config.config import Config
from src.config.sections import ScheduleSection
from src.training.checks import warn_of_rate
from src.training.schedule import learning_rate


def rates(steps_per_epoch: int, steps, **keys) -> list[float]:
    rate = learning_rate(Config.from_values(lr=0.01, **keys).schedule, steps_per_epoch)
    return [rate(step) for step in steps]


def test_zoo_halves_at_epochs_9_19_29_and_39_counted_from_0():
    steps = (0, 44, 45, 94, 95, 145, 195)
    assert rates(5, steps, epoch_size=40) == [0.01, 0.01, 0.005, 0.005, 0.0025, 0.00125, 0.000625]


def test_constant_rises_over_the_warmup():
    assert rates(5, range(6), lr_schedule="constant", warmup_steps=4) == pytest.approx(
        [0.0025, 0.005, 0.0075, 0.01, 0.01, 0.01]
    )
    assert rates(5, (0, 150), lr_schedule="constant") == [0.01, 0.01]


def test_cosine_falls_after_the_warmup_to_0_right_after_the_last_step():
    """2 steps of rise and 8 of fall: the last of ten, step 9, has 7/8 of the way behind it."""
    got = rates(5, (0, 1, 2, 6, 9, 10), lr_schedule="cosine", warmup_steps=2, epoch_size=2)
    assert got == pytest.approx([0.005, 0.01, 0.01, 0.005, 0.01 * (1 + cos(pi * 7 / 8)) / 2, 0], abs=1e-12)
    assert got[4] == pytest.approx(0.00038060, abs=1e-8)


def test_one_cycle():
    """23 steps: a rise of 2 from lr/25, the peak, and 20 steps down to lr/1000."""
    got = rates(1, (0, 1, 2, 12, 22), lr_schedule="one_cycle", epoch_size=23)
    assert got == pytest.approx([0.0004, (0.0004 + 0.01) / 2, 0.01, (0.01 + 0.00001) / 2, 0.00001])


@pytest.mark.parametrize("schedule", ["zoo", "constant", "cosine", "one_cycle"])
def test_a_run_of_one_step_has_a_rate(schedule):
    assert 0 < rates(1, (0,), lr_schedule=schedule, epoch_size=1)[0] <= 0.01


def test_a_rate_that_would_undo_a_whole_network(monkeypatch, caplog):
    monkeypatch.setattr(logger, "propagate", True)
    with caplog.at_level("WARNING"):
        warn_of_rate(ScheduleSection(lr=0.0049))
        assert not caplog.messages
        warn_of_rate(ScheduleSection(lr=0.005))
    (message,) = dict.fromkeys(caplog.messages)
    assert message.startswith("lr 0.005 with the weights of a whole network: ")
    assert "Without --lr it is 0.0005; configs/finetune.yml is a recipe" in message
