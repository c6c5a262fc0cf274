"""The model of a run: found and opened."""

import argparse
from pathlib import Path

from ..common.errors import ModelError
from ..common.log import logger
from ..model_file.releases import default_model, find_model
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.flip import FlipTTA
from ..runtime.options import open_options


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
    return FlipTTA(predictor) if flip else predictor
