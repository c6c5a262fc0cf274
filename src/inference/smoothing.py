"""One-frame delay (OFD): flicker taken out of a video's mattes at the price of one frame.

Source: Ke et al., "MODNet", AAAI 2022. Where the mattes before and after a frame agree and the frame differs from
both, it is set to their mean. Two things are added:

- Only what stands still in the image is fixed. Something that passes a pixel within one frame, or turns back there,
  looks like flicker to the rule above, which would erase it; but then the image changes with the matte.
- The frame before is taken as fixed, so that a pixel that jumps every second frame settles too.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from ..common.errors import ConfigError

# A thumbnail's shorter side, at least: coarse enough for noise and a trembling hand to average out.
_THUMBNAIL = 64
# It stands still where no colour changes by more than this, of 255, in the square of so many of its pixels.
_STILL, _SQUARE = 10, 3


@dataclass(frozen=True)
class OfdThresholds:
    """Differences of alpha in (0, 1).

    Attributes:
        agree: neighbouring frames that differ by no more than this agree.
        differ: a frame that differs from both neighbours by more than this jumps. The paper has 0.1 for both.
    """

    agree: float = 0.1
    differ: float = 0.1

    def __post_init__(self) -> None:
        for name in ("agree", "differ"):
            if not 0 < getattr(self, name) < 1:
                raise ConfigError(
                    f"--ofd_{name} is {getattr(self, name)}; give a difference of alpha between 0 and 1 (0.1 is usual)."
                )


@dataclass(frozen=True)
class Frame:
    """A matte, float32 [H, W] in [0, 1], and the thumbnail of its image, uint8 RGB [h, w, 3]."""

    alpha: np.ndarray
    thumbnail: np.ndarray


class OneFrameDelay:
    """Give it frames in order; each matte comes back, fixed, when the next one arrives.

    All are of one size. The first and the last have one neighbour and stay as they are.
    """

    def __init__(self, thresholds: OfdThresholds = OfdThresholds()) -> None:
        self.thresholds = thresholds
        self._before: Frame | None = None
        self._waiting: Frame | None = None

    def push(self, alpha: np.ndarray, thumbnail: np.ndarray) -> np.ndarray | None:
        """Take frame t, as `Frame` describes it; returns the matte of frame t - 1, None for the first."""
        after, done = Frame(alpha, thumbnail), self._waiting
        if done is not None and self._before is not None:
            done = Frame(fix(self._before, done, after, self.thresholds), done.thumbnail)
        self._before, self._waiting = done, after
        return None if done is None else done.alpha

    def flush(self) -> np.ndarray | None:
        """The last matte, float32 [H, W]; None where there was none."""
        last, self._before, self._waiting = self._waiting, None, None
        return None if last is None else last.alpha


def make_thumbnail(image: np.ndarray) -> np.ndarray:
    """An image uint8 RGB [H, W, 3] as OFD looks at it: a whole number of times smaller, the shorter side 64 to 127."""
    height, width = image.shape[:2]
    factor = max(1, min(height, width) // _THUMBNAIL)
    rows, columns = height // factor, width // factor
    # Means of whole pixels cost a fraction of those of parts; the few pixels at the border decide nothing.
    return cv2.resize(image[: rows * factor, : columns * factor], (columns, rows), interpolation=cv2.INTER_AREA)


def fix(before: Frame, current: Frame, after: Frame, thresholds: OfdThresholds) -> np.ndarray:
    """The current matte, float32 [H, W] in [0, 1], with its flicker replaced by the mean of its neighbours."""
    agree = _compare(cv2.absdiff(before.alpha, after.alpha), thresholds.agree, cv2.CMP_LE)
    jump = cv2.min(cv2.absdiff(current.alpha, before.alpha), cv2.absdiff(current.alpha, after.alpha))
    flicker = cv2.bitwise_and(agree, _compare(jump, thresholds.differ, cv2.CMP_GT))
    if not cv2.countNonZero(flicker):
        return current.alpha
    mask = cv2.bitwise_and(flicker, _standing_still(before, current, after))
    return cv2.copyTo(cv2.addWeighted(before.alpha, 0.5, after.alpha, 0.5, 0), mask, current.alpha.copy())


def _standing_still(before: Frame, current: Frame, after: Frame) -> np.ndarray:
    """Where nothing moves in the image: uint8 mask (0 or 255) of the matte's size."""
    here = current.thumbnail
    red, green, blue = cv2.split(cv2.max(cv2.absdiff(here, before.thumbnail), cv2.absdiff(here, after.thumbnail)))
    change = cv2.max(cv2.max(red, green), blue)
    still = _compare(cv2.dilate(change, np.ones((_SQUARE, _SQUARE), np.uint8)), _STILL, cv2.CMP_LE)
    return cv2.resize(still, current.alpha.shape[::-1], interpolation=cv2.INTER_NEAREST)


def _compare(values: np.ndarray, bound: float, how: int) -> np.ndarray:
    """Where the values compare so with a number: uint8 mask (0 or 255) of their shape."""
    return cv2.compare(values, bound, how)  # type: ignore[call-overload]  # the stub has arrays only, no number
