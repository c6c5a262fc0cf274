"""Learning rates by name, as plain functions of the step: nothing to save, nothing to restore."""

import math
from collections.abc import Callable

from ..common.errors import ConfigError
from ..common.text import nearest
from ..config.sections import ScheduleSection

ZOO_HALVING_EPOCHS = 10
ONE_CYCLE_WARMUP = 0.1  # share of the run in which one_cycle rises
ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1e-3  # of the peak rate

Rate = Callable[[int], float]  # step, from 0 -> learning rate
Maker = Callable[[ScheduleSection, int], Rate]  # (settings, steps an epoch) -> rate
_SCHEDULES: dict[str, Maker] = {}


def register(maker: Maker) -> Maker:
    """Decorator: make a schedule known under its function's name."""
    _SCHEDULES[maker.__name__] = maker
    return maker


def learning_rate(schedule: ScheduleSection, steps_per_epoch: int) -> Rate:
    """The rate at a step, by the schedule's name; ConfigError with the nearest name for an unknown one."""
    return find_schedule(schedule.lr_schedule)(schedule, steps_per_epoch)


def find_schedule(name: str) -> Maker:
    """What makes the schedule of that name; ConfigError for an unknown one."""
    if name not in _SCHEDULES:
        raise ConfigError(f"`lr_schedule` cannot be {name!r}.{nearest(name, _SCHEDULES)}")
    return _SCHEDULES[name]


@register
def zoo(schedule: ScheduleSection, steps_per_epoch: int) -> Rate:
    """Lr / 2^((epoch + 1) // 10), epochs counted from 0, as the model zoo's MODNet does."""
    return lambda step: schedule.peak / 2 ** ((step // steps_per_epoch + 1) // ZOO_HALVING_EPOCHS)


@register
def constant(schedule: ScheduleSection, steps_per_epoch: int) -> Rate:
    """`lr` after `warmup_steps` of linear rise; the s-th of them has lr * (s + 1) / warmup_steps."""
    peak, warmup = schedule.peak, schedule.warmup_steps
    return lambda step: peak * min(1.0, (step + 1) / warmup) if warmup else peak


@register
def cosine(schedule: ScheduleSection, steps_per_epoch: int) -> Rate:
    """After the same rise, lr * (1 + cos(pi * s / n)) / 2 at the s-th of the n steps that are left.

    0 stands at s = n, one step after the last: every step of the run learns (Loshchilov and Hutter 2017, without
    restarts).
    """
    rise, warmup = constant(schedule, steps_per_epoch), schedule.warmup_steps
    left = max(1, steps_per_epoch * schedule.epoch_size - warmup)
    return lambda step: rise(step) if step < warmup else _ramp(schedule.peak, 0.0, (step - warmup) / left)


@register
def one_cycle(schedule: ScheduleSection, steps_per_epoch: int) -> Rate:
    """Cosine from lr/25 up to lr in the first tenth of the run, then cosine down to lr/1000 at the last step.

    Source: Smith and Topin 2019, with cosine ramps.
    """
    peak, total = schedule.peak, steps_per_epoch * schedule.epoch_size
    rise = max(1, round(ONE_CYCLE_WARMUP * total))

    def rate(step: int) -> float:
        if step < rise:
            return _ramp(peak * ONE_CYCLE_START, peak, step / rise)
        return _ramp(peak, peak * ONE_CYCLE_END, (step - rise) / max(1, total - 1 - rise))

    return rate


def _ramp(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` (share 0) to `end` (share 1)."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2
