"""Images as network inputs for calibration: the same pixels as everywhere, in squares of one size."""

from pathlib import Path

import numpy as np

from ..common.errors import ConfigError
from ..common.log import logger
from ..common.text import natural_order
from ..config.config import Config
from ..data.pairs import files_by_stem, find_pairs
from ..imaging import crop_reflect, read_image
from ..runtime.base import Predictor
from .options import Calibration


def calibration_inputs(choice: Calibration, config: Config | None, predictor: Predictor) -> list[np.ndarray]:
    """Inputs as `Predictor.prepare` makes them, all of one shape, chosen by the seed.

    A model of free size gets squares, as large as an image is, at a place chosen by the seed, which the predictor's
    pre-processing brings to its own size; a model of one size gets whole images, as it does when it is used.

    Raises:
        ConfigError: there is neither a folder nor a training set of images.
        DataError: the folder is missing or empty, or an image cannot be read.
    """
    files = _files(choice, config)
    rng = np.random.default_rng(choice.seed)
    chosen = rng.permutation(len(files))[: choice.size]
    if len(chosen) < choice.size:
        logger.warning("calibration: %d images are expected, there are %d", choice.size, len(chosen))
    images = (read_image(files[i]) for i in chosen)
    if predictor.form.size is None and isinstance(predictor.preprocess.ref_size, int):
        images = (_square(image, rng) for image in images)
    return [predictor.prepare(image) for image in images]


def _files(choice: Calibration, config: Config | None) -> list[Path]:
    if choice.folder is not None:
        files = files_by_stem(Path(choice.folder))
        return [files[name] for name in natural_order(files)]
    if config is None:
        raise ConfigError("int8 needs images to calibrate with: give --calibration FOLDER, or --config FILE.yml.")
    spec = config.dataset("train_dataset")
    if spec.name == "AMD" and spec.img_subpath is None:
        raise ConfigError("AMD composes its training images: give whole images with --calibration FOLDER.")
    return [pair.image for pair in find_pairs(spec)]


def _square(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
    return crop_reflect(image, top, left, side, side)
