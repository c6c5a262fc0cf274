"""The same share of every group goes."""

import numpy as np

from ..plan import fixed_count
from ..setting import Setting
from .registry import Strategy, by_ratio, register


def uniform(setting: Setting, ratio: float) -> np.ndarray:
    """Channels to keep, int [groups], when the same share of every group goes."""
    return np.array([fixed_count(size, ratio) for size in setting.sizes])


register(Strategy("uniform", "the same share of every group", by_ratio(uniform), frozenset({"ratio", "target"})))
