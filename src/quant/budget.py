"""Which layers have to stay in float for the score to stay within a budget: a search over trial models."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from ..common.log import logger

CANDIDATES = 8  # layers whose harm is measured; the others are ranked by their signal-to-noise ratio alone
_HARMFUL = 0.1  # of what 8 bits cost the transition band: layers that cost less are told apart by chance


@dataclass(frozen=True)
class Score:
    """Mean squared error of a model on the validation images: whole, and in the transition band."""

    mse: float
    band_mse: float


@dataclass(frozen=True)
class Harm:
    """What a layer costs in 8 bits.

    Attributes:
        layer: its name.
        snr: its own signal-to-noise ratio, dB.
        harm: by how much the transition band's MSE falls when this layer alone is in float; None: not measured.
    """

    layer: str
    snr: float
    harm: float | None = None


@dataclass(frozen=True)
class Trial:
    """A model with some layers in float, its score and the share by which its MSE is above the float model's."""

    keep_float: tuple[str, ...]
    score: Score
    mse_increase: float


@dataclass
class Outcome:
    """How the search ended.

    Attributes:
        chosen: the trial that keeps the budget with the fewest layers in float, or the nearest where none does.
        met: whether it keeps the budget.
        ranking: layers, the most harmful first; empty where all layers could be in 8 bits.
        in_time: False where the time ended before the search did. Another choice may then be better.
        trials: all models that were scored, in order.
    """

    chosen: Trial
    met: bool
    ranking: list[Harm] = field(default_factory=list)
    trials: list[Trial] = field(default_factory=list)
    in_time: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; an infinite signal-to-noise ratio is null."""
        ranking = [asdict(harm) | {"snr": harm.snr if math.isfinite(harm.snr) else None} for harm in self.ranking]
        trials = [asdict(trial) for trial in self.trials]
        found = {"met": self.met, "in_time": self.in_time, "chosen": asdict(self.chosen)}
        return found | {"trials": trials, "ranking": ranking}


class FloatLayerSearch:
    """Looks for few layers to keep in float, for a limited time.

    Half of the time may go into measuring single layers. In the other half, the steps are so large that the last
    trial that there is time for keeps all layers but one.

    Args:
        score: scores the model with these layers in float.
        reference: score of the float model.
        most: allowed share of MSE increase.
        seconds: no trial begins that would probably end later; the first one always does.
        clock: seconds, from any start.
    """

    def __init__(
        self,
        score: Callable[[tuple[str, ...]], Score],
        reference: Score,
        most: float,
        seconds: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.score, self.reference, self.most = score, reference, most
        self.seconds, self.clock, self.began = seconds, clock, clock()
        self.in_time = True
        self.trials: dict[frozenset[str], Trial] = {}

    def run(self, snr: Callable[[], dict[str, float]], always: tuple[str, ...] = ()) -> Outcome:
        """Try no layer in float (but `always`); then rank, and grow 1, 2, 4, ... of the worst until the budget holds.

        Args:
            snr: signal-to-noise ratio of each layer that may be kept, dB; asked only when it is needed.
            always: layers in float in every trial.
        """
        first = self._try(always)
        if self._holds(first):
            return Outcome(first, True, trials=list(self.trials.values()))
        ranking = self._rank({layer: value for layer, value in snr().items() if layer not in always}, always, first)
        layers = [harm.layer for harm in ranking]
        count = self._fewest(always, layers)
        keep = self._thinned(always, layers[:count])
        chosen = self._try((*always, *keep)) if count else min(self.trials.values(), key=_increase)
        return Outcome(chosen, self._holds(chosen), ranking, list(self.trials.values()), self.in_time)

    def _rank(self, snr: dict[str, float], always: tuple[str, ...], first: Trial) -> list[Harm]:
        """By signal-to-noise ratio; of the worst `CANDIDATES` those first that clearly harm the score by themselves.

        The others keep their place: rounding a map may harm both the layer that makes it and the one that takes it,
        and then neither alone is any better in float.
        """
        order = sorted((Harm(*item) for item in snr.items()), key=lambda harm: harm.snr)
        harms: list[float] = []
        for one in order[:CANDIDATES]:
            if not self._time_for_one(0.5):
                break
            harms.append(self._harm(one.layer, always, first))
        measured = [Harm(one.layer, one.snr, harm) for one, harm in zip(order, harms, strict=False)]
        least = max(0.0, _HARMFUL * (first.score.band_mse - self.reference.band_mse))
        harmful = [i for i, harm in enumerate(harms) if harm > least]
        harmful.sort(key=lambda i: -harms[i])
        others = [one for i, one in enumerate(measured) if i not in harmful]
        return [*(measured[i] for i in harmful), *others, *order[len(measured) :]]

    def _harm(self, layer: str, always: tuple[str, ...], first: Trial) -> float:
        """By how much the band MSE falls when this layer alone is in float."""
        return first.score.band_mse - self._try((*always, layer)).score.band_mse

    def _fewest(self, always: tuple[str, ...], layers: list[str]) -> int:
        """How many of the first layers to keep: doubled until the budget holds, then halved in between.

        0 means that no number that was tried, and leaves at least one layer in 8 bits, keeps the budget.
        """
        low, high, last = 0, 0, len(layers) - 1
        while high < last and self._time_for_one():
            low, high = high, self._next(high, last)
            if self._holds(self._try((*always, *layers[:high]))):
                break
        else:
            self.in_time |= high >= last  # then it is known that none keeps it
            return 0
        while high - low > 1 and self._time_for_one():
            middle = (low + high) // 2
            low, high = (low, middle) if self._holds(self._try((*always, *layers[:middle]))) else (middle, high)
        return high

    def _next(self, count: int, last: int) -> int:
        """The number of layers to try after `count`: twice as many, or more where few trials are left for `last`."""
        trials, least = max(1.0, self._trials_left()), max(count, 1)
        return min(last, max(2 * count, math.ceil(least * (last / least) ** (1 / trials))))

    def _trials_left(self, share: float = 1) -> float:
        """How many more trials of the mean length end within a share of the time."""
        if math.isinf(self.seconds):
            return math.inf
        used = self.clock() - self.began
        return math.floor((share * self.seconds - used) / (used / len(self.trials))) if used else math.inf

    def _time_for_one(self, share: float = 1) -> bool:
        """Whether one more trial probably ends within a share of the time."""
        enough = self._trials_left(share) >= 1
        self.in_time &= enough
        return enough

    def _thinned(self, always: tuple[str, ...], layers: list[str]) -> list[str]:
        """Without the layers that the budget holds without as well, the least harmful tried first.

        A long list stays as it is.
        """
        keep = list(layers)
        for layer in reversed(layers) if 1 < len(layers) <= CANDIDATES else ():
            if not self._time_for_one():
                break
            fewer = [other for other in keep if other != layer]
            keep = fewer if self._holds(self._try((*always, *fewer))) else keep
        return keep

    def _holds(self, trial: Trial) -> bool:
        return trial.mse_increase <= self.most

    def _try(self, keep: tuple[str, ...]) -> Trial:
        key = frozenset(keep)
        if key not in self.trials:
            score = self.score(keep)
            increase = score.mse / self.reference.mse - 1 if self.reference.mse else math.inf
            self.trials[key] = Trial(keep, score, increase)
            logger.info(
                "in float: %s; MSE %.6f (%+.1f%%), band MSE %.6f", ", ".join(keep) or "no layer", score.mse,
                100 * increase, score.band_mse,
            )  # fmt: skip
        return self.trials[key]


def _increase(trial: Trial) -> float:
    return trial.mse_increase if not math.isnan(trial.mse_increase) else math.inf
