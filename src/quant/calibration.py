"""Images as network inputs for calibration: the same pixels as everywhere, in squares of one size."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..common.errors import ConfigError
from ..common.log import logger
from ..common.text import count_of, natural_order
from ..config.config import Config
from ..config.dataset import UNLABELLED
from ..data.pairs import files_by_stem, find_pairs
from ..imaging import crop_reflect, read_image
from ..runtime.base import Predictor
from .options import Calibration

FEW = 32  # images, below which the ranges of maps hang on chance
_ALIKE = 0.9  # correlation of two images, shrunk
_GRID = 16  # rows and columns of a shrunk image


def calibration_files(choice: Calibration, config: Config | None) -> list[Path]:
    """All images to choose from.

    Raises:
        ConfigError: there is neither a folder nor a training set of images.
        DataError: the folder is missing or empty.
    """
    if choice.folder is not None:
        files = files_by_stem(Path(choice.folder))
        return [files[name] for name in natural_order(files)]
    if config is None or config.data.train_dataset is None:
        raise ConfigError("int8 needs images to calibrate with: give --calibration FOLDER, or --config FILE.yml with "
                          "a `train_dataset`.")  # fmt: skip
    spec = config.dataset("train_dataset")
    if spec.name == "AMD" and spec.img_subpath is None:
        raise ConfigError("AMD composes its training images: give whole images with --calibration FOLDER.")
    if spec.name == UNLABELLED:
        files = files_by_stem(spec.source)
        return [files[name] for name in natural_order(files)][: spec.limit]
    return [pair.image for pair in find_pairs(spec)]


def calibration_inputs(choice: Calibration, config: Config | None, predictor: Predictor) -> list[np.ndarray]:
    """Inputs as `Predictor.prepare` makes them, all of one shape, chosen by the seed.

    A model of free size gets squares, as large as an image is, at a place chosen by the seed, which the predictor's
    pre-processing brings to its own size; a model of one size gets whole images, as it does when it is used.
    Warns of images that are few, or all of one kind.

    Raises:
        ConfigError, DataError: as `calibration_files`; or an image cannot be read.
    """
    files = calibration_files(choice, config)
    rng = np.random.default_rng(choice.seed)
    chosen = rng.permutation(len(files))[: choice.size]
    squares = predictor.form.size is None and isinstance(predictor.preprocess.ref_size, int)
    inputs, views = [], []
    for i in chosen:
        image = read_image(files[i])
        views.append(View.of(image))
        inputs.append(predictor.prepare(_square(image, rng) if squares else image))
    for weakness in weaknesses(views):
        logger.warning("calibration: %s", weakness)
    return inputs


@dataclass(frozen=True)
class View:
    """What is remembered of an image to compare it with others.

    Attributes:
        shape: upright, wide or square.
        pixels: float64, a few of its values.
    """

    shape: str
    pixels: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> "View":
        """View of an image, uint8 RGB [H, W, 3]."""
        height, width = image.shape[:2]
        rows, columns = (np.linspace(0, side - 1, _GRID).astype(int) for side in (height, width))
        shape = "square" if height == width else "upright" if height > width else "wide"
        return cls(shape, image[np.ix_(rows, columns)].astype(np.float64).reshape(-1))


def weaknesses(views: list[View]) -> list[str]:
    """What makes images a poor choice for calibration: lines that name the cure."""
    found = []
    if len(views) < FEW:
        found.append(f"{count_of(len(views), 'image')} may miss what other images hold. Give {FEW} or more, of "
                     "different kinds (--calibration FOLDER, --calibration_size).")  # fmt: skip
    if len(views) < 2:
        return found
    shapes = {view.shape for view in views}
    if len(shapes) == 1:
        found.append(f"all images are {shapes.pop()}. Add some of other shapes, so that ranges of maps fit them too.")
    if _likeness(views) > _ALIKE:
        found.append("the images are much alike, as frames of one video are. Add other people, places and light.")
    return found


def _likeness(views: list[View]) -> float:
    """Median correlation of pairs of images."""
    pixels = np.stack([view.pixels for view in views])
    pixels -= pixels.mean(axis=1, keepdims=True)
    norm = np.sqrt((pixels**2).sum(axis=1, keepdims=True))
    pixels /= np.where(norm == 0, 1, norm)
    return float(np.median((pixels @ pixels.T)[np.triu_indices(len(views), 1)]))


def _square(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return crop_reflect(image, top, left, side, side)
