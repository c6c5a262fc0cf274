"""Pictures and masks of a test split -> raw files for offline inference."""

from pathlib import Path

import numpy as np

from src.dataset_spec import DatasetSpec
from src.errors import OutputError
from src.evaluation import read_pair
from src.files import make_folder
from src.imaging import to_input
from src.log import logger
from src.offline.bins import IMAGES, MANIFEST, MASKS, Entry, Manifest, bin_path, write_bin
from src.pairs import Pair, evaluation_pairs
from src.runtime.base import Predictor
from src.spec import Preprocess

# What configs/MMNet.yml trains and scores with.
MMNET = Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), ref_size=(256, 256))


def prepare(spec: DatasetSpec, folder: Path, predictor: Predictor | None = None) -> Manifest:
    """Write all pictures of a data set as inputs of `predictor` (None: of MMNet), and their masks, into `folder`.

    The manifest comes last: a folder that has one is complete.

    Raises:
        OutputError: `folder` has a manifest already, or cannot be written to.
        DataError: the data set is missing or damaged.
    """
    pairs = evaluation_pairs(spec)
    if (folder / MANIFEST).exists():
        raise OutputError(f"'{folder}' holds prepared pictures already. Give another --output_path, or remove that "
                          "folder first.")  # fmt: skip
    for part in (IMAGES, MASKS):
        make_folder(folder / part)
    dtype = "uint8" if predictor is not None and predictor.form.pixels else "float32"
    entries = tuple(_write(pair, spec.alpha_allow_rgb, folder, predictor) for pair in pairs)
    manifest = Manifest(spec.dataset_root, predictor.preprocess if predictor else MMNET, dtype, entries)
    manifest.save(folder)
    logger.info("%d pictures of %s (%s, NHWC) and their masks in %s", len(entries), spec.dataset_root, dtype, folder)
    return manifest


def _write(pair: Pair, allow_rgb: bool, folder: Path, predictor: Predictor | None) -> Entry:
    image, alpha = read_pair(pair, allow_rgb)
    x = predictor.prepare(image) if predictor else to_input(image, MMNET)
    if x.dtype != np.uint8:
        x = x.transpose(0, 2, 3, 1)
    write_bin(bin_path(folder, IMAGES, pair.name), x)
    write_bin(bin_path(folder, MASKS, pair.name), alpha)
    return Entry(pair.name, x.shape[1:3], alpha.shape)
