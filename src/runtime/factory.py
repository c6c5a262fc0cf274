"""Open any model file: the suffix decides on the runtime, which is imported only then."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..model_file.contract import Contract
from ..model_file.releases import is_released_name, verified_model
from .base import Predictor
from .input_size import use_ref_size
from .options import RuntimeOptions
from .registry import opener_of


def open_predictor(
    path: str | Path,
    device: str = "CPU",
    threads: int | None = None,
    precision: str | None = None,
    *,
    device_id: int = 0,
    preprocess: Mapping[str, Any] | None = None,
) -> tuple[Predictor, Contract]:
    """Load a model file, ready for `Predictor.predict`.

    Args:
        path: `.ckpt` or `.mindir` (MindSpore), `.onnx` (onnxruntime) or `.xml` (OpenVINO IR); or a released model's
            name (see `src.model_file.releases`). What a plain name means is opened by OpenVINO where that is
            installed, and an `.onnx` file in another precision than f32 always is.
        device: the runtime's name of a device: CPU, GPU, NPU; Ascend and auto for MindSpore.
        threads: threads of the CPU; None leaves them to the runtime. MindSpore takes them once a process.
        precision: f32, bf16 or f16, in which a floating-point model is computed, as far as the runtime has it; None
            is f32, also where the runtime itself would choose less.
        device_id: which of several GPUs or Ascend cards.
        preprocess: fields of `Preprocess`, all of them for a model without contract. Of a model with one only
            `ref_size` and `ref_side` are used, in place of its own (see `input_size.use_ref_size`). The contract
            returned is the file's.

    Raises:
        ModelError, CheckpointError: the file is missing, damaged, foreign or of an unknown kind, or has no contract
            and `preprocess` lacks a field; or it does not take inputs of `ref_size`.
        ConfigError: an option has no sensible value.
        DeviceError: the device, or the precision on it, or the runtime itself is not here.
    """
    by_name = is_released_name(path)
    path = verified_model(path)
    options = RuntimeOptions(device, device_id, threads, precision or "f32", preprocess or {})
    predictor, contract = opener_of(path, options.precision, by_name)(path, options)
    predictor.source = str(path)
    use_ref_size(predictor, options.preprocess.get("ref_size"), path, options.preprocess.get("ref_side"))
    return predictor, contract
