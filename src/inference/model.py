"""The model of a run: found and opened."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..common.errors import ModelError
from ..common.log import logger
from ..model_file.releases import default_name, find_model, is_released_name
from ..runtime.base import Predictor
from ..runtime.factory import open_predictor
from ..runtime.flip import FlipTTA


@dataclass(frozen=True)
class ModelChoice:
    """A model as the user names it.

    Attributes:
        name: path or released model; None is the best released one that can be opened here.
        device: the runtime's name of a device.
        options: other keyword arguments of `src.runtime.factory.open_predictor`.
    """

    name: str | None = None
    device: str = "CPU"
    options: Mapping[str, Any] = field(default_factory=dict)


def resolve_model(name_or_path: str | None) -> Path:
    """The model file that --model names, the best released one for None; ModelError where there is none."""
    path = find_model(default_name() if name_or_path is None else name_or_path)
    if path.is_file():
        return path
    raise ModelError(f"There is no model file '{name_or_path}'. Give one that export.py wrote (.onnx, .xml), a "
                     "checkpoint (.ckpt), or a released model's name as --model.")  # fmt: skip


def model_to_open(name_or_path: str | None) -> str | Path:
    """What `open_predictor` is to be given: a released model's plain name as it is, else `resolve_model`'s file."""
    name = default_name() if name_or_path is None else name_or_path
    path = resolve_model(name)
    return name if is_released_name(name) else path


def open_model(choice: ModelChoice, flip: bool) -> Predictor:
    """The predictor of a choice, with flip test-time augmentation if `flip`.

    Raises:
        MattingError: as `resolve_model` and `open_predictor` say.
    """
    model = model_to_open(choice.name)
    path = find_model(model)
    logger.info("model: %s%s", path, ", with flip test-time augmentation (--no-flip: without)" if flip else "")
    predictor, _ = open_predictor(model, choice.device, **choice.options)
    return FlipTTA(predictor) if flip else predictor
