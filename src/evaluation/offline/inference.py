"""A network on raw inputs -> raw results."""

import json
import time
from pathlib import Path

import numpy as np

from ...common.errors import ModelError, OutputError
from ...common.files import make_folder, write_text
from ...common.log import logger
from ...runtime.base import Predictor, one_image_at_a_time
from .bins import IMAGES, BinEntry, Manifest, bin_path, read_bin, write_bin

RUN = "run.json"  # which model made the results, and the seconds that its network took; written last


def infer(predictor: Predictor, model: str, folder: Path, output: Path) -> float:
    """Run a network over the images in `folder`, a result for each into `output`.

    Returns:
        Seconds of the network alone.

    Raises:
        DataError: no manifest, or an input is missing or of the wrong size.
        ModelError: the inputs were prepared for a network of other inputs.
        OutputError: `output` holds the results of an earlier run, or cannot be written to.
    """
    manifest = Manifest.load(folder)
    check_form(predictor, model, manifest, folder)
    if (output / RUN).exists():
        raise OutputError(f"'{output}' holds the results of an earlier run. Give another --output_path, or remove "
                          "that folder first.")  # fmt: skip
    make_folder(output)
    seconds = 0.0
    for entry in manifest.entries:
        x = _read_input(entry, manifest, folder)
        began = time.perf_counter()
        matte = predictor.run(x)
        seconds += time.perf_counter() - began
        write_bin(output / f"{entry.name}.bin", matte.reshape(entry.input_size).astype(np.float32, copy=False))
    write_text(output / RUN, json.dumps({"model": model, "network_seconds": seconds}))
    count = len(manifest.entries)
    logger.info("%d images in %s, network %.2f ms an image", count, output, 1000 * seconds / count)
    return seconds


def check_form(predictor: Predictor, model: str, manifest: Manifest, folder: Path) -> None:
    """ModelError where a network wants other inputs than those that were prepared."""
    fix = f"Prepare them for it: bash scripts/run_datapre.sh DATASET --model {model} --output_path FOLDER."
    expected, found = f"{predictor.form.dtype} {predictor.form.layout}", f"{manifest.dtype} {manifest.layout}"
    if expected != found:
        raise ModelError(f"{model} takes {expected}, the images in '{folder}' are {found}. {fix}")
    if predictor.preprocess != manifest.preprocess:
        raise ModelError(
            f"The images in '{folder}' were prepared with {manifest.preprocess}, {model} takes "
            f"{predictor.preprocess}. {fix} Or give the --ref_size that they were prepared with."
        )
    one_image_at_a_time(predictor, model)
    wrong = [e for e in manifest.entries if predictor.form.size not in (None, e.input_size)]
    if wrong:
        raise ModelError(f"{model} takes inputs of {predictor.form.size} (height, width), '{wrong[0].name}' is "
                         f"{wrong[0].input_size}. {fix}")  # fmt: skip


def _read_input(entry: BinEntry, manifest: Manifest, folder: Path) -> np.ndarray:
    fix = "Write the folder again with scripts/run_datapre.sh."
    shape = (1, *entry.input_size, 3) if manifest.layout == "NHWC" else (1, 3, *entry.input_size)
    return read_bin(bin_path(folder, IMAGES, entry.name), manifest.dtype, shape, fix)
