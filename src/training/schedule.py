"""Learning rates by name, as plain functions of the step: nothing to save, nothing to restore."""

import math
from collections.abc import Callable

from ..config.config import Config

ZOO_HALVING_EPOCHS = 10
ONE_CYCLE_WARMUP = 0.1  # share of the run in which one_cycle rises
ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1e-3  # of the peak rate


def learning_rate(config: Config, steps_per_epoch: int) -> Callable[[int], float]:
    """The rate at a step (0-based).

    zoo: lr / 2^((epoch + 1) // 10), epochs counted from 0, as the model zoo's MODNet does.
    constant: lr, after `warmup_steps` of linear rise; the s-th of them has lr * (s + 1) / warmup_steps.
    cosine: after the same rise, lr * (1 + cos(pi * s / n)) / 2 at the s-th of the n steps that are left. 0 stands at
    s = n, one step after the last: every step of the run learns (Loshchilov and Hutter 2017, without restarts).
    one_cycle: cosine from lr/25 up to lr in the first tenth of the run, then cosine down to lr/1000 at the last step
    (Smith and Topin 2019, with cosine ramps).
    """
    total = steps_per_epoch * config.epoch_size
    peak, warmup = config.lr, config.warmup_steps

    def zoo(step: int) -> float:
        return peak / 2 ** ((step // steps_per_epoch + 1) // ZOO_HALVING_EPOCHS)

    def constant(step: int) -> float:
        return peak * min(1.0, (step + 1) / warmup) if warmup else peak

    def cosine(step: int) -> float:
        if step < warmup:
            return constant(step)
        return _ramp(peak, 0.0, (step - warmup) / max(1, total - warmup))

    def one_cycle(step: int) -> float:
        rise = max(1, round(ONE_CYCLE_WARMUP * total))
        if step < rise:
            return _ramp(peak * ONE_CYCLE_START, peak, step / rise)
        return _ramp(peak, peak * ONE_CYCLE_END, (step - rise) / max(1, total - 1 - rise))

    return {"zoo": zoo, "constant": constant, "cosine": cosine, "one_cycle": one_cycle}[config.lr_schedule]


def _ramp(start: float, end: float, share: float) -> float:
    """Half a cosine from `start` (share 0) to `end` (share 1)."""
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, share))) / 2
