"""Second link of the chain: a network turns the inputs into outputs. A device's own program may do this instead."""

import time
from pathlib import Path

import numpy as np

from ...common.errors import DataError
from ...common.progress import track
from ...runtime.base import Predictor, one_image_at_a_time
from ...runtime.input_size import takes_size
from .store import Inputs, Outputs


def infer(predictor: Predictor, model: str, inputs: Inputs, outputs: Outputs) -> float:
    """Run a network on every input and keep what it says.

    Returns:
        Seconds of the network alone.

    Raises:
        DataError: an input is missing, damaged or not what the model takes.
        ModelError: the inputs were prepared for another model, or the model takes several images at once only.
        OutputError: an output cannot be written.
    """
    inputs.check(predictor, model)
    one_image_at_a_time(predictor, model)
    outputs.begin()
    seconds = 0.0
    for name in track(inputs.names, "image", lines=True):
        x = inputs.read(name)
        _check_input(x, predictor, inputs.path(name), inputs.cure)
        began = time.perf_counter()
        output = predictor.run(x)
        seconds += time.perf_counter() - began
        outputs.write(name, output)
    outputs.finish(model, seconds)
    return seconds


def _check_input(x: np.ndarray, predictor: Predictor, path: Path, cure: str) -> None:
    """DataError where an array is not what the model takes."""
    form, preprocess = predictor.form, predictor.preprocess
    last = form.layout == "NHWC"
    if x.ndim == 4:
        height, width = x.shape[1:3] if last else x.shape[2:]
        shape = (1, height, width, 3) if last else (1, 3, height, width)
        if (x.dtype, x.shape) == (form.dtype, shape) and takes_size((height, width), preprocess, form):
            return
    size = "{}, {}".format(*form.size) if form.size else f"H, W of multiples of {preprocess.multiple}"
    expected = f"[1, {size}, 3]" if last else f"[1, 3, {size}]"
    raise DataError(
        f"The input in {path} is {x.dtype} {list(x.shape)}, the model takes {form.dtype} {expected}. {cure}"
    )
