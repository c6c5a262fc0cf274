"""Images and masks of a test split -> raw files for offline inference."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ...common.errors import OutputError
from ...common.files import make_folder
from ...common.log import logger
from ...config.dataset import DatasetSpec
from ...data.pairs import Pair, evaluation_pairs
from ...imaging import to_input
from ...runtime.base import InputForm, Predictor
from ...spec.preprocess import Preprocess
from .bins import IMAGES, MANIFEST, MASKS, BinEntry, Manifest, bin_path, write_bin

# What configs/MMNet.yml trains and scores with.
MMNET = Preprocess(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), ref_size=(256, 256))
_MMNET_FORM = InputForm(channels_last=True)  # as the compiled networks of MMNet's users take it


def prepare(spec: DatasetSpec, folder: Path, predictor: Predictor | None = None) -> Manifest:
    """Write all images of a data set as inputs of `predictor` (None: of MMNet, NHWC), and their masks, into `folder`.

    The manifest comes last: a folder that has one is complete.

    Raises:
        OutputError: `folder` has a manifest already, or cannot be written to.
        DataError: the data set is missing or damaged.
    """
    pairs = evaluation_pairs(spec)
    if (folder / MANIFEST).exists():
        raise OutputError(f"'{folder}' holds prepared images already. Give another --output_path, or remove that "
                          "folder first.")  # fmt: skip
    for part in (IMAGES, MASKS):
        make_folder(folder / part)
    pre, form = (predictor.preprocess, predictor.form) if predictor else (MMNET, _MMNET_FORM)
    make_input = predictor.prepare if predictor else _mmnet_input
    entries = tuple(_write(pair, spec.alpha_allow_rgb, folder, make_input, form) for pair in pairs)
    manifest = Manifest(spec.dataset_root, pre, form.dtype, entries, layout=form.layout)
    manifest.save(folder)
    logger.info("%d images of %s (%s, %s) and their masks in %s", len(entries), spec.dataset_root, form.dtype,
                form.layout, folder)  # fmt: skip
    return manifest


def _mmnet_input(image: np.ndarray) -> np.ndarray:
    return _MMNET_FORM.arrange(to_input(image, MMNET))


def _write(
    pair: Pair, allow_rgb: bool, folder: Path, make_input: Callable[[np.ndarray], np.ndarray], form: InputForm
) -> BinEntry:
    image, alpha = pair.read(allow_rgb)
    x = make_input(image)
    write_bin(bin_path(folder, IMAGES, pair.name), x)
    write_bin(bin_path(folder, MASKS, pair.name), alpha)
    return BinEntry(pair.name, x.shape[1:3] if form.layout == "NHWC" else x.shape[2:], alpha.shape)
