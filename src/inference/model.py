"""The model of a run: found and opened."""

import argparse
from pathlib import Path

from src.errors import ModelError
from src.log import logger
from src.runtime.base import Predictor
from src.runtime.factory import open_predictor
from src.runtime.mirrored import Mirrored
from src.runtime.options import open_options
from src.zoo import default_model, find_model


def resolve_model(name_or_path: str | None) -> Path:
    """The model file that --model names, the best released one for None; ModelError where there is none."""
    path = default_model() if name_or_path is None else find_model(name_or_path)
    if path.is_file():
        return path
    raise ModelError(f"There is no model file '{name_or_path}'. Give one that export.py wrote (.onnx, .xml), a "
                     "checkpoint (.ckpt), or a released model's name as --model.")  # fmt: skip


def open_model(args: argparse.Namespace, flip: bool) -> Predictor:
    """The predictor that the command line asks for; raises as `resolve_model` and `open_predictor` do."""
    path = resolve_model(args.model)
    logger.info("model: %s%s", path, ", the mean of two looks (--no-flip: one)" if flip else "")
    predictor, _ = open_predictor(path, args.device, **open_options(args))
    return Mirrored(predictor) if flip else predictor
