"""What the chain asks of the files between its programs; `npz_store` and `bin_store` are the two kinds of them."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...common.errors import DataError
from ...common.text import first_few
from ...data.pairs import Pair
from ...imaging import AlphaChannels, read_image, read_pair
from ...runtime.base import Predictor
from ...spec.preprocess import Preprocess


@dataclass(frozen=True)
class Source:
    """An image to prepare, and its true alpha where it is at hand; `allow_rgb` as in `src.imaging.read_alpha`."""

    name: str
    image: Path
    alpha: Path | None = None
    allow_rgb: AlphaChannels = False

    @classmethod
    def of_pair(cls, pair: Pair, allow_rgb: AlphaChannels) -> "Source":
        """An image of a data set with its alpha."""
        return cls(pair.name, pair.image, pair.alpha, allow_rgb)

    def read(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Image uint8 RGB [H, W, 3] and alpha float32 [H, W] in [0, 1]; DataError for what cannot be used."""
        if self.alpha is None:
            return read_image(self.image), None
        return read_pair(self.image, self.alpha, self.allow_rgb)


class InputWriter(ABC):
    """Takes the inputs that `prepare` makes."""

    @abstractmethod
    def write(self, name: str, x: np.ndarray, alpha: np.ndarray | None) -> None:
        """Keep a network input and the true alpha.

        Args:
            name: Of the image.
            x: [1, 3, h, w] or [1, h, w, 3], float32 normalised or uint8.
            alpha: float32 [H, W] in [0, 1]; None where there is none.
        """

    @abstractmethod
    def finish(self) -> None:
        """All are written."""


class Inputs(ABC):
    """Network inputs that lie ready.

    Attributes:
        names: Of the images, in order.
        cure: What the user can do about inputs that a model does not take.
    """

    names: Sequence[str]
    cure: str

    def check(self, predictor: Predictor, model: str) -> None:  # noqa: B027 - nothing to look at is no mistake
        """ModelError where all inputs are known to be another model's, before any is read."""

    @abstractmethod
    def path(self, name: str) -> Path:
        """The file of an image's input."""

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """An image's input as it was written; DataError where it cannot be read."""


class Outputs(ABC):
    """What a network said of each image."""

    @abstractmethod
    def begin(self) -> None:
        """Make the place for outputs; OutputError where it holds another run's, or cannot be written to."""

    @abstractmethod
    def write(self, name: str, output: np.ndarray) -> None:
        """Keep an output, float [1, 1, h, w] in [0, 1]."""

    @abstractmethod
    def finish(self, model: str, seconds: float) -> None:
        """All are written, by a model whose network took so long."""

    @abstractmethod
    def path(self, name: str) -> Path:
        """The file of an image's output."""

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """An output [..., h, w]; DataError where it cannot be read."""

    @abstractmethod
    def check_names(self, names: Sequence[str], source: str) -> None:
        """DataError where the outputs are known to be of other images than those of `source`."""

    @abstractmethod
    def origin(self) -> tuple[str, float]:
        """The model, and the seconds of its network, as far as they are known."""


class Truth(ABC):
    """The true alphas that outputs are scored against.

    Attributes:
        names: Of the images, in order.
        source: Where the images are from, for messages and results.
        preprocess: How the images became inputs; None where nobody knows.
        trimaps: By image name, those whose unknown pixels are scored in place of the alphas' transition bands.
    """

    names: Sequence[str]
    source: str
    preprocess: Preprocess | None

    trimaps: Mapping[str, Path] = {}

    @abstractmethod
    def read(self, name: str) -> tuple[np.ndarray | None, np.ndarray]:
        """Image uint8 RGB [H, W, 3], None where it is not at hand, and alpha float32 [H, W] in [0, 1]."""


def refuse_twice(names: Iterable[str]) -> None:
    """DataError where two images share a name: their files would, too."""
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"{len(twice)} image names occur twice: {first_few(twice)}. Give each image its own name.")
