"""Pictures and masks of a test split -> raw files for offline inference."""

from collections.abc import Callable
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
from src.runtime.base import InputForm, Predictor
from src.spec import Preprocess

# What configs/MMNet.yml trains and scores with.
MMNET = Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), ref_size=(256, 256))
_MMNET_FORM = InputForm(channels_last=True)  # as the compiled networks of MMNet's users take it


def prepare(spec: DatasetSpec, folder: Path, predictor: Predictor | None = None) -> Manifest:
    """Write all pictures of a data set as inputs of `predictor` (None: of MMNet, NHWC), and their masks, into `folder`.

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
    pre, form = (predictor.preprocess, predictor.form) if predictor else (MMNET, _MMNET_FORM)
    make_input = predictor.prepare if predictor else _mmnet_input
    entries = tuple(_write(pair, spec.alpha_allow_rgb, folder, make_input, form) for pair in pairs)
    manifest = Manifest(spec.dataset_root, pre, form.dtype, entries, layout=form.layout)
    manifest.save(folder)
    logger.info("%d pictures of %s (%s, %s) and their masks in %s", len(entries), spec.dataset_root, form.dtype,
                form.layout, folder)  # fmt: skip
    return manifest


def _mmnet_input(image: np.ndarray) -> np.ndarray:
    return _MMNET_FORM.arrange(to_input(image, MMNET))


def _write(
    pair: Pair, allow_rgb: bool, folder: Path, make_input: Callable[[np.ndarray], np.ndarray], form: InputForm
) -> Entry:
    image, alpha = read_pair(pair, allow_rgb)
    x = make_input(image)
    write_bin(bin_path(folder, IMAGES, pair.name), x)
    write_bin(bin_path(folder, MASKS, pair.name), alpha)
    return Entry(pair.name, x.shape[1:3] if form.layout == "NHWC" else x.shape[2:], alpha.shape)
