"""The model of a run: found, opened, and told at which size to work."""

import argparse
import dataclasses
from pathlib import Path

from src.errors import ModelError
from src.log import logger
from src.runtime.base import Predictor
from src.runtime.factory import open_predictor
from src.runtime.options import open_options
from src.zoo import default_model, find_model


def resolve_model(name_or_path: str | None) -> Path:
    """The model file that --model names, the best released one for None; ModelError where there is none."""
    path = default_model() if name_or_path is None else find_model(name_or_path)
    if path.is_file():
        return path
    raise ModelError(f"There is no model file '{name_or_path}'. Give one that export.py wrote (.onnx, .xml), a "
                     "checkpoint (.ckpt), or a released model's name as --model.")  # fmt: skip


def open_model(args: argparse.Namespace) -> Predictor:
    """The predictor that the command line asks for; --ref_size alone changes the size that the model's own file says.

    Raises:
        ModelError: as `open_predictor`, or --ref_size is given for a model of a fixed input size.
    """
    options, ref_size = open_options(args), None
    if set(options["preprocess"]) == {"ref_size"}:
        ref_size = options["preprocess"].pop("ref_size")
    path = resolve_model(args.model)
    logger.info("model: %s", path)
    predictor, _ = open_predictor(path, args.device, **options)
    if ref_size is not None:
        _set_ref_size(predictor, ref_size, path)
    return predictor


def _set_ref_size(predictor: Predictor, ref_size: int, path: Path) -> None:
    least = predictor.preprocess.multiple
    if ref_size < least:
        raise ModelError(f"--ref_size is {ref_size}; {path} takes sides of {least} pixels and more.")
    if predictor.form.size is not None:
        height, width = predictor.form.size
        raise ModelError(f"{path} takes only inputs of {width}x{height}: leave --ref_size out, or export it without "
                         "--input_shape.")  # fmt: skip
    predictor.preprocess = dataclasses.replace(predictor.preprocess, ref_size=ref_size)
