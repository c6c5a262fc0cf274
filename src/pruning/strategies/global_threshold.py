"""One threshold for the scores of the whole network."""

import numpy as np

from ..plan import fixed_count
from ..setting import Setting
from .registry import Strategy, by_ratio, register


def global_threshold(setting: Setting, ratio: float) -> np.ndarray:
    """Channels to keep, int [groups], when the network's lowest scores go, whichever groups they are in."""
    groups = setting.channels.groups
    scores = np.sort(np.concatenate([setting.scores[group.channels] for group in groups]))
    going = len(scores) - fixed_count(len(scores), ratio)
    if going == 0:
        return setting.sizes
    return np.array([int((setting.scores[group.channels] > scores[going - 1]).sum()) for group in groups])


register(
    Strategy(
        "global", "the network's lowest scores", by_ratio(global_threshold), frozenset({"ratio", "target", "gather"})
    )
)
