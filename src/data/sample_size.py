"""Whether the samples of a training set have sides that a network takes."""

from ..common.errors import ConfigError
from ..spec.preprocess import Preprocess
from .samples import Samples

MULTIPLE = Preprocess.multiple
_DRAWS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.999)  # of the number that the samples of a step share, which picks a size


def check_sample_sides(samples: Samples) -> None:
    """Draw the first sample a few times; ConfigError, with the nearest sizes, where a side is no multiple of 32.

    Raises:
        DataError: the sample's files cannot be read.
    """
    for draw in _DRAWS if len(samples) else ():
        height, width = samples.sample(0, None, draw)["image"].shape[1:]
        wrong = [side for side in (height, width) if side % MULTIPLE]
        if wrong:
            low = wrong[0] // MULTIPLE * MULTIPLE
            near = f"{low} or {low + MULTIPLE}" if low else str(MULTIPLE)
            raise ConfigError(
                f"`transforms` give images of {width}x{height} (width x height), but the network's sides are "
                f"multiples of {MULTIPLE}. Set `crop_size` to such numbers: {near} instead of {wrong[0]}."
            )
